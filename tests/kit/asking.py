"""Runs in the test's own process that ask the database, and rows that other programs wrote."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runlog.migrate import migrate

ROLE = "runlog_test_asking_writer"
QUICK = {
    "RUNLOG_FLUSH_INTERVAL": "0.05",
    "RUNLOG_RETRY_INTERVAL": "0.05",
    "RUNLOG_CONNECT_TIMEOUT": "2",
    "RUNLOG_STATEMENT_TIMEOUT": "5",
}


@pytest.fixture
def here(database, monkeypatch):
    """This process records to ``database`` with short intervals; ``here(NAME=…)`` sets more."""

    def settle(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"RUNLOG_{name}", str(value))

    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    settle(DSN=database)
    return settle


@pytest.fixture
def writer(postgres, empty_database):
    """A connection of a role with a writer's rights only, under row level security."""
    name = sql.Identifier(ROLE)
    with psycopg.connect(postgres.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login password 'writes'").format(name))
        migrate(empty_database, writer_role=ROLE, secure=True)
        dsn = make_conninfo(empty_database, user=ROLE, password="writes")
        with psycopg.connect(dsn, autocommit=True) as connected:
            yield connected
        with psycopg.connect(empty_database, autocommit=True) as owner:
            owner.execute(sql.SQL("drop owned by {}").format(name))
        admin.execute(sql.SQL("drop role {}").format(name))


def add_run(connection, script_name="sync", *, beat=None, every=None, about=None, **columns):
    """Insert a run as another process or program would; return its id.

    Args:
        connection: to the database.
        script_name: the script.
        beat: seconds since its last heartbeat; without it the run has none.
        every: seconds between its heartbeats; default: not told.
        about: more of ``metadata.runlog``.
        columns: further columns; ``status`` is running unless given.
    """
    run_id = columns.setdefault("id", uuid.uuid4())
    columns.setdefault("status", "running")
    noted = {**(about or {}), **({"heartbeat_interval": every} if every else {})}
    columns.setdefault(
        "metadata", json.dumps({"runlog": noted} if noted or beat is not None else {})
    )
    columns["script_name"] = script_name
    marks = ", ".join(f"%({name})s" for name in columns)
    connection.execute(f"insert into runs ({', '.join(columns)}) values ({marks})", columns)
    if beat is not None:
        connection.execute(
            "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}',"
            " to_jsonb(now() - %s * interval '1 second')) where id = %s",
            [beat, run_id],
        )
    return run_id


def succeeded(connection, moment, **columns):
    """Insert a success whose window ended at ``moment``, a minute before it finished."""
    columns.setdefault("finished_at", moment + timedelta(minutes=1))
    return add_run(connection, status="success", sync_end_date=moment, **columns)


def runs_of(connection, script_name="sync", columns="status"):
    """The named columns of the script's runs, oldest first."""
    rows = connection.execute(
        f"select {columns} from runs where script_name = %s order by started_at, id", [script_name]
    ).fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]
