"""An empty, an adopted and a finished database all end at the same version, and nothing is lost."""

import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.schema_tools import (
    DOCUMENTED,
    EARLIER,
    FRESH,
    connect,
    dump_catalog,
    dump_catalog_of_tables,
    make_documented,
    run,
    temporary_roles,
    unique_role,
)
from kit.waiting import eventually
from psycopg.rows import dict_row

from runlog._database import statements
from runlog.errors import DatabaseUnavailableError, RunlogError, SchemaError, SettingError
from runlog.migrate import LATEST, applied_version, as_sql, migrate

WEIRD = 'we"ird Schema \\ %s {role}'


def test_empty_database_gets_everything(empty_database):
    """An empty database ends at the newest version, and each thing made is told."""
    assert migrate(empty_database) == FRESH
    with psycopg.connect(empty_database) as connection:
        assert applied_version(connection, "public") == LATEST


def test_tables_are_the_documented_ones(empty_database):
    """Columns, types, defaults, checks, comments and index names are exactly the documented."""
    documented = make_documented(empty_database, "documented")
    migrate(empty_database)
    assert dump_catalog_of_tables(empty_database, "public") == documented


def test_first_file_runs_by_hand(empty_database):
    """The first file alone makes the documented tables, and may be run again."""
    documented = make_documented(empty_database, "documented")
    by_hand = statements.migration_files()[0].sql.decode()
    run(empty_database, by_hand, by_hand)
    assert dump_catalog_of_tables(empty_database, "public") == documented


def test_second_time_finds_nothing_to_do(empty_database):
    """Migrating again tells nothing and changes nothing."""
    migrate(empty_database)
    before = dump_catalog(empty_database)
    assert migrate(empty_database) == []
    assert dump_catalog(empty_database) == before


def test_twenty_at_once_all_succeed(empty_database):
    """Twenty that start together all succeed, and each thing is done by exactly one of them."""
    barrier = threading.Barrier(20)

    def start(_):
        barrier.wait(timeout=30)
        return migrate(empty_database)

    with ThreadPoolExecutor(20) as threads:
        told = list(threads.map(start, range(20)))
    assert sorted(line for lines in told for line in lines) == sorted(FRESH)


def test_open_connection_is_left_as_it_was(empty_database):
    """A connection with habits of its own works, stays open, and keeps no state, lock or plan."""
    look = """
        select array_agg(setting order by name) as settings,
            (select count(*) from pg_locks where pid = pg_backend_pid()
                and locktype = 'advisory') as locks,
            (select count(*) from pg_prepared_statements where not from_sql
                and statement !~ 'pg_prepared_statements') as prepared
        from pg_settings where name in ('search_path', 'statement_timeout', 'lock_timeout',
            'client_min_messages')"""
    with psycopg.connect(empty_database, row_factory=dict_row, prepare_threshold=0) as connection:
        before = connection.execute(look).fetchone()
        connection.commit()
        assert migrate(connection) == FRESH
        assert migrate(connection) == []
        assert applied_version(connection, "public") == LATEST
        assert connection.execute(look).fetchone() == {**before, "locks": 0}


def test_connection_in_a_transaction_is_refused(empty_database):
    """An open transaction is somebody else's work, so migrating in it is refused."""
    with psycopg.connect(empty_database) as connection:
        connection.execute("select 1")
        with pytest.raises(RunlogError, match=r"in a transaction.*commit or roll back first"):
            migrate(connection)
        assert applied_version(connection, "public") is None


@pytest.mark.parametrize("schema", ["history", WEIRD])
def test_other_schema_is_made_and_used(empty_database, schema):
    """The tables land in the named schema, which is created, and nothing lands elsewhere."""
    assert migrate(empty_database, schema=schema) == [f"created the schema {schema}", *FRESH]
    assert migrate(empty_database, schema=schema) == []
    with psycopg.connect(empty_database) as connection:
        assert applied_version(connection, schema) == LATEST
        assert applied_version(connection, "public") is None
    run_both = "insert into runs (script_name, status) values ('x', 'running') returning legacy_id"
    with connect(empty_database, schema=schema) as connection:
        assert connection.execute(run_both).fetchone() == (1,)


@settings(max_examples=12)
@given(
    schema=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=15
    ).filter(lambda name: not name.lower().startswith("pg_"))
)
def test_any_name_that_postgresql_takes_is_a_schema(empty_database, schema):
    """Whatever characters the schema's name has, script and function mean the same schema."""
    run(empty_database, as_sql(schema=schema))
    assert migrate(empty_database, schema=schema) == []
    with psycopg.connect(empty_database) as connection:
        assert applied_version(connection, schema) == LATEST


def test_newer_database_is_refused(empty_database):
    """A database that a newer runlog has migrated asks for that runlog."""
    migrate(empty_database)
    run(empty_database, "insert into runlog_migrations values (999, 'later', '', now(), false)")
    with pytest.raises(SchemaError, match=f"version 999, this runlog knows {LATEST}; upgrade"):
        migrate(empty_database)


def test_migration_with_another_text_is_refused(empty_database):
    """An applied file that differs from this runlog's is told with both checksums."""
    migrate(empty_database)
    run(empty_database, "update runlog_migrations set checksum = 'odd' where version = 2")
    with pytest.raises(SchemaError, match=r"migration 2 was applied .*checksum 'odd', this"):
        migrate(empty_database)


def test_role_that_may_not_create_is_told(postgres, request):
    """Who lacks the right to create gets one sentence with the remedy, and nothing is left."""
    role = unique_role("visitor")
    with temporary_roles(postgres.dsn, role):
        dsn = request.getfixturevalue("empty_database")
        run(dsn, "revoke create on schema public from public")
        with (
            connect(dsn, role=role) as connection,
            pytest.raises(SchemaError, match="may not migrate: permission denied for schema"),
        ):
            migrate(connection)
        run(dsn, "drop schema public")


def test_refusal_of_the_server_is_told_and_undone(empty_database):
    """Whatever else PostgreSQL refuses becomes one error, and nothing of that file is kept."""
    run(empty_database, "create type runs as enum ()")
    with pytest.raises(SchemaError, match='refused to migrate: type "runs" already exists'):
        migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        assert applied_version(connection, "public") is None


def test_lost_connection_is_told(empty_database):
    """A connection that breaks while it waits for its turn is an error, and the next call works."""
    waiting = "select pid from pg_locks where locktype = 'advisory' and not granted"

    def end_the_waiting() -> None:
        found = holder.execute(waiting).fetchone()
        assert found is not None
        holder.execute("select pg_terminate_backend(%s)", found)

    with psycopg.connect(empty_database) as holder, ThreadPoolExecutor(1) as thread:
        holder.execute("select pg_advisory_xact_lock(hashtextextended('runlog.migrate public', 0))")
        migrating = thread.submit(migrate, empty_database)
        eventually(end_the_waiting)
        with pytest.raises(DatabaseUnavailableError, match="broke off: terminating connection"):
            migrating.result(timeout=30)
    assert migrate(empty_database) == FRESH


@pytest.mark.parametrize(
    ("dsn", "error"),
    [
        ("host=/nowhere user=me password=hunter22", DatabaseUnavailableError),
        ("postgresql://me:hunter22@:port/db", SettingError),
        ("postgresql://me:hunter%2@localhost:1/db", DatabaseUnavailableError),
        ("hunter22", SettingError),
    ],
)
def test_unusable_address_is_told_without_the_password(dsn, error):
    """An address that leads nowhere is an error of runlog's, and shows no password."""
    with pytest.raises(error) as caught:
        migrate(dsn)
    assert "hunter" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("made_before", ["", DOCUMENTED, EARLIER])
@pytest.mark.parametrize("schema", ["public", WEIRD])
def test_script_does_what_the_function_does(empty_database, made_before, schema):
    """The printed script, run once or twice, makes the very same schema as the function."""
    quoted = statements.identifier(schema, setting="schema")
    anew = f"drop schema {quoted} cascade"
    before = f"create schema if not exists {quoted}; set search_path to {quoted}; {made_before}"
    run(empty_database, before)
    migrate(empty_database, schema=schema, secure=True)
    expected = dump_catalog(empty_database, schema)
    run(empty_database, anew, before, *[as_sql(schema=schema, secure=True)] * 2)
    assert dump_catalog(empty_database, schema) == expected
    told = migrate(empty_database, schema=schema, secure=True)
    assert [line for line in told if not line.startswith("left as it is: ")] == []


def test_script_runs_through_psql(empty_database):
    """The program psql runs the script to its end and says nothing that would worry a person."""
    psql = shutil.which("psql")
    if psql is None:
        pytest.skip("no psql on the path")
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", empty_database]
    done = subprocess.run(
        command, input=as_sql(schema=WEIRD), text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert migrate(empty_database, schema=WEIRD) == []
