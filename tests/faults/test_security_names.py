"""Names from settings are quoted: no schema, role or script can be called so that SQL is obeyed."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import timedelta

import psycopg
import pytest
from kit.scripts import CHECKOUT
from kit.waiting import until
from psycopg import sql

from runlog import queries, retention
from runlog._delivery.sweep import reap
from runlog.errors import SettingError
from runlog.migrate import as_sql, migrate

SCHEMAS = {
    "a drop in it": 'we"ird; drop table public.runs; --',
    "a quote": "it's",
    "blanks and capitals": "My Schema Of Runs",
    "a word of SQL": "select",
    "per cent": "100%s %(x)s %%",
    "braces": "{schema} {schema_literal} {place}",
    "backslashes": 'a\\b\\"c',
    "dollars": "$1 a$b $",
    "63 bytes": "x" * 63,
    "63 bytes of two": "é" * 31 + "x",
    "other letters": "логи_日本 ☃",
    "a line": "two\nlines\t",
}

WHOLE_WAY = ["a drop in it", "per cent", "braces", "backslashes", "63 bytes of two"]
PRINTED = [name for name in SCHEMAS if name not in WHOLE_WAY[1:]]


@pytest.fixture
def schema(request, empty_database):
    """A migrated schema of that name, beside documented tables in `public` that must stay as they are."""
    migrate(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(
            "insert into public.runs (script_name, status) values ('mine', 'success')"
        )
    migrate(empty_database, schema=request.param, secure=True)
    yield request.param
    with psycopg.connect(empty_database, autocommit=True) as connection:
        assert connection.execute("select script_name from public.runs").fetchall() == [("mine",)]
        assert connection.execute("select count(*) from public.logs").fetchone() == (0,)


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize(
    "schema", [SCHEMAS[name] for name in WHOLE_WAY], ids=WHOLE_WAY, indirect=True
)
def test_everything_works_in_a_schema_with_any_name(
    schema, recording, empty_database, leave_orphan, tmp_path
):
    """Migrating again, writing in both lanes, sweeping, reaping, reading, pruning and the command line, in a schema whose name would like to be SQL."""
    dsn = empty_database
    quoted = sql.Identifier(schema)
    assert [line for line in migrate(dsn, schema=schema) if not line.startswith("open")] == []
    orphan = leave_orphan(dsn, 10, schema=schema)
    made = recording(dsn, schema=schema)
    made.log_many(2500)
    made.log("an error", logging.ERROR)
    assert made.recorder.flush(20)
    made.finish()
    assert made.close()
    assert made.stats().dead_letters == 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        count = sql.SQL("select count(*) from {}.logs").format(quoted)
        assert connection.execute(count).fetchone() == (2511,)
        stale = sql.SQL(
            "insert into {}.runs (script_name, status, metadata) values ('stale', 'running',"
            """ '{{"runlog": {{"heartbeat_at": "2026-01-01T00:00:00Z"}}}}')"""
        )
        connection.execute(stale.format(quoted))
        assert [run.script_name for run in reap(connection, schema)] == ["stale"]
    runs = queries.last_runs(dsn, schema=schema)
    assert sorted(run.status for run in runs) == ["error", "error", "success"]
    assert len(queries.recent_errors(dsn, schema=schema)) == 1
    assert orphan.run_id in {str(run.id) for run in runs}
    with psycopg.connect(dsn, autocommit=True) as connection:
        make_old = sql.SQL("update {}.runs set started_at = started_at - interval '90 days'")
        connection.execute(make_old.format(quoted))
    retention.prune(dsn, older_than=timedelta(days=30), schema=schema)
    # What is the last of its script, or its cursor, is kept.
    assert len(queries.last_runs(dsn, schema=schema)) < len(runs)


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("schema", [SCHEMAS["a drop in it"]], ids=["a drop in it"], indirect=True)
def test_the_command_line_in_a_schema_with_any_name(schema, empty_database, tmp_path):
    """Each command that asks or writes, by option and by variable."""
    env = {
        **os.environ,
        "RUNLOG_DSN": empty_database,
        "RUNLOG_SCHEMA": schema,
        "PYTHONPATH": str(CHECKOUT),
    }

    def call(*args):
        done = subprocess.run(
            [sys.executable, "-m", "runlog", *args],
            env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout

    call("exec", "--script", "wrapped", "--", sys.executable, "-c", "print('hello')")
    (run,) = json.loads(call("runs", "--json"))
    assert run["script_name"] == "wrapped"
    assert "hello" in call("logs", "last")
    for command in (["show"], ["errors"], ["scripts"], ["stats"], ["migrate"], ["flush"],
                    ["prune", "--older-than", "30d"]):  # fmt: skip
        call(*command)
    assert "wrapped" in call("--schema", schema, "runs")


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("name", [SCHEMAS[name] for name in PRINTED], ids=PRINTED)
def test_the_printed_script_means_the_same(empty_database, name):
    """What `migrate --sql` prints makes that schema and touches no other, roles of any name included."""
    role = f"{name[:20]} role"
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        try:
            connection.execute(as_sql(schema=name, writer_role=role, secure=True).encode())
            assert connection.execute(
                "select nspname::text from pg_class join pg_namespace on pg_namespace.oid = relnamespace"
                " where relname = 'runs'"
            ).fetchall() == [(name,)]
        finally:
            connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize(
    "name",
    ["x$procedure$; drop table runs", "$$", "$runlog$", "x" * 64, "é" * 32, "nul\0", "", "\ud800"],
)
def test_a_name_that_cannot_be_is_refused(empty_database, name):
    """What PostgreSQL would cut, cannot store, or would take for the end of a function's body, is an error that names the setting, before anything is made."""
    with pytest.raises(SettingError, match="schema"):
        migrate(empty_database, schema=name)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        found = connection.execute(
            "select count(*) from pg_class where relname = 'runs'"
        ).fetchone()
    assert found == (0,)


@pytest.mark.guarantee("secrets")
def test_the_name_of_a_script_is_data(recording, database, connection):
    """Script names, steps and columns that look like SQL are stored and found as they are."""
    evil = "'; drop table logs; -- %s {schema}"
    made = recording(database, script=evil)
    made.log(evil, step=evil, meta={evil: evil})
    made.run.put("sync_mode", evil)
    made.run.put("triggered_by", evil)
    made.finish("error", evil)
    assert made.close()
    again = recording(database)
    until(lambda: again.recorder.flush(10))
    row = connection.execute("select step, message, meta from logs").fetchone()
    assert row == (evil, evil, {evil: evil})
    assert len(queries.search_entries(database, text=evil)) == 1
    (run,) = queries.last_runs(database, script=evil)
    columns = (run.script_name, run.sync_mode, run.triggered_by, run.error_message)
    assert columns == (evil, evil, evil, evil)
