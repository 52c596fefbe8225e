"""Tables that another program made are tried before they are adopted, not compared with a list."""

from __future__ import annotations

import psycopg
import pytest
from kit.schema_tools import DOCUMENTED, run

from runlog._database.trial import try_writing
from runlog.errors import SchemaError
from runlog.migrate import applied_version, migrate

REFUSED = {
    "metadata is json": (
        "alter table runs alter metadata drop default, alter metadata type json using metadata::json",
        r"alter table public.runs alter column metadata type jsonb using metadata::jsonb",
    ),
    "metadata is text": (
        "alter table runs alter metadata drop default, alter metadata type text using metadata::text",
        r"alter table public.runs alter column metadata type jsonb using metadata::jsonb",
    ),
    "level is short": (
        "alter table logs alter level type varchar(5)",
        r"an entry is refused: .*alter table public.logs alter column level type text",
    ),
    "step is short": (
        "alter table logs alter step type varchar(8)",
        r"alter column step type text",
    ),
    "script_name is short": (
        "alter table runs alter script_name type varchar(10)",
        r"the start of a run is refused: .*alter column script_name type text",
    ),
    "triggered_by is short": (
        "alter table runs alter triggered_by type varchar(5)",
        r"alter column triggered_by type text",
    ),
    "a column is computed": (
        (
            "alter table runs drop duration_ms cascade,"
            " add duration_ms integer generated always as (records_fetched * 2) stored"
        ),
        r"duration_ms.*alter column … drop expression",
    ),
    "a level is not allowed": (
        "alter table logs add constraint picky check (level <> 'DEBUG')",
        r"violates check constraint .picky.*mend what refuses it",
    ),
    "a trigger refuses": (
        (
            "create function no() returns trigger language plpgsql as"
            " $$ begin raise 'not today'; end $$;"
            " create trigger no before update on runs for each row execute function no()"
        ),
        r"a run that was started is refused: not today; mend what refuses it",
    ),
    "a trigger takes away": (
        (
            "create function gone() returns trigger language plpgsql as $$ begin return null; end $$;"
            " create trigger gone before insert on runs for each row execute function gone()"
        ),
        r"an entry is refused: .*foreign key",
    ),
    "a constraint at the end of the transaction": (
        (
            "create function late() returns trigger language plpgsql as"
            " $$ begin raise 'too late'; end $$;"
            " create constraint trigger late after update on runs deferrable initially deferred"
            " for each row execute function late()"
        ),
        r"too late",
    ),
    "a trigger gives other ids": (
        (
            "create function other() returns trigger language plpgsql as"
            " $$ begin new.id := gen_random_uuid(); return new; end $$;"
            " create trigger other before insert on logs for each row execute function other()"
        ),
        r"an entry is not there under the id .*mend what changes it",
    ),
    "a trigger gives another end": (
        (
            "create function other() returns trigger language plpgsql as"
            " $$ begin new.status := 'success'; return new; end $$;"
            " create trigger other before update on runs for each row"
            " when (new.status <> 'running') execute function other()"
        ),
        r"the end of a run is stored as 'success', not as 'error'; mend what changes it",
    ),
    "a rule": (
        (
            "create table others (like logs);"
            " create rule other as on insert to logs do also insert into others values (new.*)"
        ),
        r"an entry is refused: .*a rule",
    ),
    "a unique constraint that may wait": (
        "alter table runs add unique (script_name, started_at) deferrable",
        r"the start of a run is refused: .*make it not deferrable",
    ),
    "a publication without a replica identity": (
        (
            "alter table logs drop constraint logs_run_id_fkey;"
            " alter table runs drop constraint runs_pkey, add unique (id);"
            " alter table runs alter id drop not null;"
            " create publication everything for all tables"
        ),
        r"replica identity.*alter table public.runs add primary key \(id\)",
    ),
}


@pytest.mark.parametrize(("change", "told"), REFUSED.values(), ids=REFUSED)
def test_tables_that_cannot_hold_a_run_are_refused(empty_database, change, told):
    """migrate says what is refused and which statement mends it, and nothing is changed or left behind."""
    run(empty_database, DOCUMENTED, change)
    with pytest.raises(SchemaError, match=f"cannot hold what runlog writes: .*{told}"):
        migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        assert applied_version(connection, "public") is None
        assert connection.execute("select count(*) from runs").fetchone() == (0,)


ADOPTED = {
    "as documented": "select 1",
    "error_message is short": "alter table runs alter error_message type varchar(255)",
    "figures are small": "alter table runs alter records_fetched type smallint, alter api_cost type numeric(6, 2)",
    "counts are big": "alter table runs alter records_fetched type bigint, alter duration_ms type bigint",
    "entries' meta is json": "alter table logs alter meta type json using meta::json",
    "moments have no zone": "alter table runs alter started_at type timestamp, alter finished_at type timestamp",
}


@pytest.mark.parametrize("change", ADOPTED.values(), ids=ADOPTED)
def test_tables_that_differ_and_hold_a_run_are_adopted(empty_database, change):
    """What can be written is adopted, however it differs, and no row of the trial stays."""
    run(empty_database, DOCUMENTED, change)
    migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        assert try_writing(connection, "public") is None
        assert connection.execute("select count(*) from runs").fetchone() == (0,)
        assert connection.execute("select count(*) from logs").fetchone() == (0,)


def test_quoted_names_of_types_are_the_same_types(empty_database):
    """A database may have every name in quotes, also where a statement compares it."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'alter database "{name}" set quote_all_identifiers to on')
    run(empty_database, DOCUMENTED)
    assert not any("documented is" in said for said in migrate(empty_database))
    migrate(empty_database, layout="partitioned")
    assert migrate(empty_database, layout="partitioned") == migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        assert try_writing(connection, "public") is None


def test_a_new_database_is_not_tried(empty_database):
    """The first run of a database of runlog's own has the number 1."""
    migrate(empty_database)
    migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        statement = (
            "insert into runs (script_name, status) values ('a', 'success') returning legacy_id"
        )
        assert connection.execute(statement).fetchone() == (1,)
