"""Whatever one test does to the shared database, the next one does not find it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from kit.rows import add_run

if TYPE_CHECKING:
    from kit.working_database import _Working


@pytest.fixture
def working(_working):
    """The shared database as the fixture ``database`` hands it out, whatever is left in it, or was."""
    _made_new(_working)
    yield _working
    _made_new(_working)


def _made_new(_working):
    if not _working.empty():
        _working.renew()


def change(working: _Working, statement: str) -> None:
    with psycopg.connect(working.dsn, autocommit=True) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "alter table logs add constraint odd check (message <> 'odd')",
        "alter table logs alter column message drop not null",
        "alter table runs enable row level security",
        "alter table logs set (autovacuum_enabled = off)",
        "grant select on runs to public",
        "grant select (message) on logs to public",
        "grant usage on schema public to pg_monitor",
        "drop index idx_logs_level",
        "drop view runlog_step_durations",
        "create table public.others (id int)",
        "create schema others",
        "create function public.f() returns int language sql return 1",
        "alter default privileges grant select on tables to public",
        "update runlog_migrations set applied_at = now()",
        "comment on table runlog_migrations is 'another database'",
        "do $$ begin execute format('alter database %I set datestyle = german', current_database()); end $$",
    ],
)
def test_what_is_no_row_costs_the_database(working, statement):
    """A change of the schema, its rights or its settings is seen, and a new clone has none of it."""
    assert working.empty()
    before = working.dsn
    change(working, statement)
    assert not working.empty()
    working.renew()
    assert working.dsn != before
    assert working.empty()


def test_rows_are_taken_away(working):
    """Rows of every table go; the numbers begin anew; the database stays."""
    before = working.dsn
    for _ in range(2):
        with psycopg.connect(working.dsn, autocommit=True) as connection:
            run_id = add_run(connection)
            connection.execute("insert into runlog_watchers (name) values ('somebody')")
            legacy = connection.execute("select legacy_id from runs where id = %s", [run_id])
            assert legacy.fetchone() == (1,)
        assert working.empty()
        with psycopg.connect(working.dsn) as connection:
            for table in ("runs", "logs", "runlog_watchers"):
                assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
    assert working.dsn == before
