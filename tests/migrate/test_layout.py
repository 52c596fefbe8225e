"""The partitioned layout: one month a partition, the client unchanged, nothing lost on the way."""

from __future__ import annotations

import threading
from datetime import timedelta

import psycopg
import pytest
from kit.postgres import new_database
from kit.recording import messages
from kit.rows import add_entry, add_run
from kit.schema_tools import DOCUMENTED, ROWS, connect, run, temporary_roles, unique_role
from kit.waiting import eventually
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runlog import migrate, queries, retention
from runlog.errors import SchemaError

PARTS = "select part::text, is_default from runlog_partitions() order by from_id nulls first, 2"
RIGHTS = """
select relrowsecurity, relforcerowsecurity, relowner::regrole::text,
  array(select acl::text from unnest(relacl) as acl order by 1),
  array(select format('%s %s %s %s %s', polname, polcmd, polroles::regrole[],
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    from pg_policy where polrelid = pg_class.oid order by 1),
  array(select format('%s %s', attname, attacl) from pg_attribute
    where attrelid = pg_class.oid and attnum > 0 and not attisdropped order by attnum),
  obj_description(pg_class.oid),
  array(select format('%s %s', attname, col_description(attrelid, attnum)) from pg_attribute
    where attrelid = pg_class.oid and attnum > 0 order by attnum)
from pg_class where oid = 'logs'::regclass
"""
INDEXES = """
select relname, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON '),
  obj_description(indexrelid)
from pg_index join pg_class on pg_class.oid = indexrelid
where indrelid = 'logs'::regclass order by 1
"""
CONSTRAINTS = """
select conname, contype, pg_get_constraintdef(oid) from pg_constraint
where conrelid = 'logs'::regclass and contype <> 'n' order by 1
"""
TRIGGER = """
create function nothing() returns trigger language plpgsql as 'begin return new; end';
create trigger watches before insert on logs for each row execute function nothing()
"""
VIEWS = """
select relname, reloptions, pg_get_viewdef(oid), relacl::text from pg_class
where relkind = 'v' and relnamespace = 'public'::regnamespace order by 1
"""


def ask(dsn, *statements):
    with psycopg.connect(dsn) as connection:
        return [connection.execute(statement).fetchall() for statement in statements]


@pytest.fixture
def migrated(empty_database):
    """Conninfo of a database of its own with runlog's tables."""
    migrate.migrate(empty_database)
    return empty_database


def test_a_table_becomes_partitioned_and_nothing_else_changes(postgres):
    """Rights, policies, views with their options, indexes, constraints, comments and rows are as before."""
    writer, reader = unique_role("writer"), unique_role("reader")
    with temporary_roles(postgres.dsn, writer, reader), new_database(postgres) as migrated:
        migrate.migrate(migrated, writer_role=writer, reader_role=reader, secure=True)
        with psycopg.connect(migrated) as connection:
            run_id = add_run(connection, "before")
            add_entry(connection, run_id, message="kept")
        questions = (RIGHTS, INDEXES, CONSTRAINTS, VIEWS, "select * from logs")
        before = ask(migrated, *questions)
        done = migrate.migrate(migrated, layout="partitioned")
        assert done[0].startswith("made logs partitioned by month; what was there is its partition")
        assert "created the partitions runlog_parts.logs_" in done[1]
        assert ask(migrated, *questions) == before
        assert migrate.migrate(migrated, layout="partitioned") == []
        assert migrate.migrate(migrated) == []


def test_the_size_of_all_partitions_is_told(migrated):
    """A partitioned table holds nothing itself; its size is that of its partitions."""
    with psycopg.connect(migrated) as connection:
        run_id = add_run(connection, "before")
        for number in range(200):
            add_entry(connection, run_id, message=str(number))
        connection.execute("analyze logs")
        before = queries.table_sizes(connection)[1]
        connection.commit()
        migrate.migrate(connection, layout="partitioned")
        after = queries.table_sizes(connection)[1]
    assert before.rows_estimated == after.rows_estimated == 200
    assert after.total_bytes > before.total_bytes > 0
    assert after.total_bytes == after.table_bytes + after.index_bytes


def test_default_privileges_reach_neither_the_table_nor_its_partitions(migrated):
    """Where every new table is the internet's, as Supabase has it, the switch opens nothing."""
    anon = unique_role("anon")
    with temporary_roles(migrated, anon):
        give = sql.SQL("alter default privileges grant all on tables to {}")
        take = sql.SQL("alter default privileges revoke all on tables from {}")
        with psycopg.connect(migrated) as connection:
            connection.execute(give.format(sql.Identifier(anon)))
        migrate.migrate(migrated, layout="partitioned")
        allowed = """
select oid::regclass::text from pg_class
where relkind in ('r', 'p') and (relname = 'logs' or relispartition)
  and has_table_privilege(%s, oid, 'select, insert, delete, truncate')
"""
        with psycopg.connect(migrated) as connection:
            assert connection.execute(allowed, [anon]).fetchall() == []
            connection.execute(take.format(sql.Identifier(anon)))


def test_a_conversion_that_was_killed_leaves_no_limit(migrated):
    """The limit that only a conversion needs is taken back by the next migrate."""
    migrate.migrate(migrated)
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "alter table logs add constraint runlog_until check (id < gen_random_uuid()) not valid"
        )
    assert migrate.migrate(migrated) == [
        "took back the limit of ids that an interrupted conversion had left"
    ]
    assert "runlog_until" not in str(ask(migrated, CONSTRAINTS))


def test_writers_go_on_while_the_table_is_converted(migrated, recording):
    """What four threads log before, during and after the conversion is there, once and in order."""
    made = recording(migrated)
    stop = threading.Event()
    logged = [0] * 4

    def log(which):
        while not stop.is_set():
            made.log(f"{which} {logged[which]:06d}")
            logged[which] += 1
            stop.wait(0.001)

    threads = [threading.Thread(target=log, args=[which]) for which in range(4)]
    for thread in threads:
        thread.start()
    with psycopg.connect(migrated, autocommit=True) as connection:
        eventually(lambda: len(messages(connection)) > 100)
        migrate.migrate(migrated, layout="partitioned")
        until = sum(logged) + 100
        eventually(lambda: sum(logged) > until)
        stop.set()
        for thread in threads:
            thread.join()
        assert made.recorder.flush(30)
        stored = messages(connection)
    assert made.stats().committed == sum(logged) == len(stored)
    for which in range(4):
        own = [message for message in stored if message.startswith(f"{which} ")]
        assert own == [f"{which} {number:06d}" for number in range(logged[which])]


def test_a_history_with_ids_of_other_programs(empty_database):
    """Random ids stay where they are, as the default partition; those of the coming months move into them."""
    run(empty_database, DOCUMENTED, ROWS)
    with psycopg.connect(empty_database) as connection:
        run_id = add_run(connection, "old")
        connection.execute(
            "insert into logs (run_id, level, step, message) select %s, 'INFO', 'LOG', n::text"
            " from generate_series(1, 2000) as n",
            [run_id],
        )
    migrate.migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        # One that lies in the coming month by chance.
        month = "date_trunc('month', now(), 'UTC') + interval '40 days'"
        connection.execute(
            "insert into logs (id, run_id, level, step, message) values"
            " ((lpad(to_hex((extract(epoch from " + month + ") * 1000)::bigint), 12, '0') ||"
            " repeat('7', 20))::uuid, %s, 'INFO', 'LOG', 'by chance')",
            [run_id],
        )
    before = ask(empty_database, "select * from logs order by id")
    done = migrate.migrate(empty_database, layout="partitioned")
    assert done[0].endswith("what was there is its default partition")
    assert ask(empty_database, "select * from logs order by id") == before
    (parts,) = ask(empty_database, PARTS)
    assert ("runlog_parts.logs_before", True) in parts
    assert len(parts) == 5
    chance = "select tableoid::regclass::text from logs where message = 'by chance'"
    assert ask(empty_database, chance) != [[("runlog_parts.logs_before",)]]
    with connect(empty_database) as connection:
        connection.execute("delete from runs where id = %s", [run_id])
        assert connection.execute(
            "select count(*) from logs where run_id = %s", [run_id]
        ).fetchone() == (0,)


def test_months_are_made_ahead_and_made_up_for(migrated):
    """A month that nobody made lies in the default partition, and moves when it is made."""
    migrate.migrate(migrated, layout="partitioned")
    with psycopg.connect(migrated, autocommit=True) as connection:
        run_id = add_run(connection, "late")
        later = "runlog_id_at(date_trunc('month', now(), 'UTC') + interval '5 months' + interval '3 days')"
        connection.execute(
            f"insert into logs (id, run_id, level, step, message) values ({later}, %s, 'INFO', 'LOG', 'x')",
            [run_id],
        )
        where = "select tableoid::regclass::text from logs"
        assert connection.execute(where).fetchall() == [("runlog_parts.logs_default",)]
        connection.execute("call runlog_make_partitions(6)")
        ((part,),) = connection.execute(where).fetchall()
        assert part.startswith("runlog_parts.logs_2")
        connection.execute("call runlog_make_partitions(6)")


@pytest.mark.parametrize(
    ("holds", "said", "undo"),
    [
        ("create materialized view seen as select count(*) from logs", "materialized view seen reads",
         "drop materialized view seen"),
        ("create table notes (entry uuid references logs (id))", "notes references logs", "drop table notes"),
        (TRIGGER, "has the trigger watches", "drop trigger watches on logs"),
        ("create publication told for table logs", "is in the publication told", "drop publication told"),
    ],
)  # fmt: skip
def test_what_holds_on_to_the_table_is_named(migrated, holds, said, undo):
    """What would stay with the table of before is refused with its remedy, and nothing has changed."""
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(holds, prepare=False)
        before = ask(migrated, CONSTRAINTS)
        with pytest.raises(SchemaError, match=said):
            migrate.migrate(migrated, layout="partitioned")
        assert ask(migrated, CONSTRAINTS) == before
        connection.execute(undo)
    assert migrate.migrate(migrated, layout="partitioned")


def test_a_long_transaction_leaves_the_table_as_it_was(migrated, monkeypatch):
    """Who holds the table is waited for a while; then it is as before, and it is said why."""
    monkeypatch.setattr("runlog.migrate._layout._ATTEMPTS", 1)
    before = ask(migrated, CONSTRAINTS, INDEXES)
    with psycopg.connect(migrated) as holder:
        holder.execute("select from logs")
        with pytest.raises(SchemaError, match="a long transaction holds the tables"):
            migrate.migrate(migrated, layout="partitioned")
        holder.rollback()
    monkeypatch.undo()
    assert ask(migrated, CONSTRAINTS, INDEXES) == before
    assert migrate.migrate(migrated, layout="partitioned")


def test_partitions_of_somebody_else_are_left(empty_database):
    """A table that is partitioned already is no table of ours to convert."""
    run(empty_database, DOCUMENTED)
    run(
        empty_database,
        "alter table logs rename to old",
        "create table logs (like old including defaults, primary key (id), "
        "foreign key (run_id) references runs (id) on delete cascade) partition by hash (id)",
        "create table logs_1 partition of logs for values with (modulus 1, remainder 0)",
    )
    done = migrate.migrate(empty_database)
    assert not any("logs_1" in line for line in done)
    with pytest.raises(SchemaError, match="partitioned already, not by runlog; it stays as it is"):
        migrate.migrate(empty_database, layout="partitioned")


def test_a_schema_of_its_own(empty_database):
    """Two runlogs of one database have partitions apart."""
    migrate.migrate(empty_database, schema="jobs", layout="partitioned")
    migrate.migrate(empty_database, layout="partitioned")
    names = "select distinct relnamespace::regnamespace::text from pg_class where relispartition and relkind = 'r' order by 1"
    assert ask(empty_database, names) == [[("jobs_parts",), ("runlog_parts",)]]
    with psycopg.connect(empty_database) as connection:
        assert retention.prune(connection, older_than=timedelta(days=30), schema="jobs").runs == 0


@pytest.mark.parametrize("schema", ["é" * 31, 'jobs "100 %"', "x" * 63])
def test_a_schema_of_any_name(empty_database, schema):
    """The schema of the partitions is named after that of the tables, as far as names go."""
    migrate.migrate(empty_database, schema=schema, layout="partitioned")
    parts = "select relnamespace::regnamespace from pg_class where relispartition and relkind = 'r'"
    (names,) = ask(
        empty_database, f"select distinct nspname from pg_namespace where oid in ({parts})"
    )
    ((name,),) = names
    assert name.endswith("_parts")
    assert name.startswith(schema[:20])
    assert migrate.migrate(empty_database, schema=schema) == []


def test_a_pooler_between(migrated):
    """The whole conversion names every object: it depends on no search path."""
    odd = make_conninfo(migrated, options="-c search_path=pg_catalog")
    assert migrate.migrate(odd, layout="partitioned")
