"""Sessions and databases with settings of their own: nothing that is stored or read depends on them."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

import psycopg
import pytest

from runlog import queries
from runlog._database import reading
from runlog._database.connection import DeadlineError, WriteConnection, connect
from runlog._database.encoding import codec_of, marked

LINES = ["plain", "Café über", "price 5 €, done \U0001f600", "plain again"]


def stored(dsn):
    with psycopg.connect(dsn, client_encoding="utf8") as connection:
        rows = connection.execute("select message, meta ->> 'k' from logs order by timestamp, id")
        return rows.fetchall()


@pytest.mark.guarantee("blast-radius")
@pytest.mark.parametrize("count", [1, 1000], ids=["sure lane", "bulk lane"])
@pytest.mark.parametrize("how", ["shell", "database", "SQL_ASCII", "LATIN1", "WIN1252"])
def test_text_is_stored_as_it_was_logged(
    make_database, recording, monkeypatch, count, how, evidence
):
    """Whatever encoding shell, role or database have: each character is there, or visibly marked where none can be."""
    if how == "shell":
        monkeypatch.setenv("PGCLIENTENCODING", "latin1")
    given = {"client_encoding": "latin1"} if how == "database" else {}
    encoding = how if how.isupper() else "UTF8"
    dsn = make_database(encoding, **given)
    made = recording(dsn, flush_interval=60)
    for _ in range(count):
        for line in LINES:
            made.log(line, meta={"k": line})
    made.finish("error", "5 € missing")
    assert made.recorder.flush(30)
    codec = codec_of(encoding)
    expected = [marked(line, codec) if codec else line for line in LINES]
    assert expected[:2] == LINES[:2]
    assert stored(dsn) == [(line, line) for line in expected * count]
    with psycopg.connect(dsn, client_encoding="utf8") as connection:
        (told,) = connection.execute("select error_message from runs").fetchone()
        assert told == (marked("5 € missing", codec) if codec else "5 € missing")
    entry = queries.entries_of_run(dsn, run_id=uuid.UUID(made.run.id_text))[2]
    assert (entry.message, entry.meta["k"]) == (expected[2], expected[2])
    evidence(entries=len(LINES) * count, lost=0)


ODD = {
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "datestyle": "German, DMY",
    "intervalstyle": "postgres_verbose",
    "timezone": "America/St_Johns",
    "client_encoding": "latin1",
    "search_path": "pg_temp",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "lc_messages": "C",
    "transform_null_equals": "on",
    "default_transaction_isolation": "serializable",
    "xmloption": "document",
}


def test_nothing_depends_on_the_settings_of_a_session(make_database, run_script):
    """Overlap, cursor, reaping, groups, moments: the same answers as with PostgreSQL's defaults."""
    sessions = ({}, ODD, {"timezone": "+05:45"})
    answers = [
        run_script(EVERYTHING, env={"RUNLOG_DSN": make_database(**each)}) for each in sessions
    ]
    for script in answers:
        assert script.wait() == 0, script.stderr
        assert script.stdout == answers[0].stdout
        # psycopg logs a warning of a zone that Python does not know; the program did not ask.
        assert all(line.startswith("runlog: ") for line in script.stderr.splitlines())
    assert "skipped" in answers[0].stdout


@pytest.mark.parametrize(
    ("told", "hours"),
    [("+05:45", -5.75), ("<+03>-3", 3), ("EST5", -5), ("Asia/Kathmandu", 5.75)],
)
def test_a_moment_without_a_zone_is_one_of_the_sessions(database, told, hours):
    """As PostgreSQL reads it, also where the zone has no name that Python knows."""
    with psycopg.connect(database) as connection:
        connection.execute("select set_config('TimeZone', %s, false)", [told])
        sql_text = b"select now()::timestamp, now(), extract(timezone from now()) / 3600"
        ((naive, moment, zone),) = reading.rows_of(
            connection, sql_text, None, psycopg.rows.tuple_row
        )
        assert naive == moment
        assert naive.utcoffset() == timedelta(hours=float(zone))
        assert float(zone) == hours


def test_a_question_that_takes_too_long_is_no_warning_of_psycopgs(database, caplog):
    """The program did not ask psycopg for anything, and has our error."""
    connection = connect(database, name="test", timeout=10, kind=WriteConnection)

    def ask():
        with connection.transaction():
            connection.deadline = time.monotonic()
            connection.execute("select pg_sleep(60)")

    with pytest.raises(DeadlineError):
        ask()
    assert connection.closed
    assert [record for record in caplog.records if record.name.startswith("psycopg")] == []


EVERYTHING = """
import logging
import os
import uuid
from datetime import UTC, datetime, timedelta

import runlog
from runlog import queries, retention
moment = datetime(2026, 1, 31, tzinfo=UTC)
log = logging.getLogger("job")
log.addHandler(runlog.RunLogHandler())
with runlog.RunContext("one", overlap="fail"):
    runlog.flush(10)
    for kind in ("skip", "fail"):
        try:
            runlog.RunContext("one", overlap=kind).start()
            print(kind, "ran")
        except (runlog.Skipped, runlog.errors.RunlogError) as error:
            print(kind, "skipped", type(error).__name__)
    for number in (17, 18):
        log.error("order %d of 0190c8a0-0000-7000-8000-000000000001 failed", number)
with runlog.RunContext("sync", sync_mode="incremental") as run:
    run.sync_end_date = moment
    run.api_cost = "1.25"
try:
    with runlog.RunContext("sync", sync_mode="incremental") as run:
        print("since", run.since)
        run.checkpoint(moment + timedelta(days=1))
        raise ValueError("broken")
except ValueError:
    pass
runlog.flush(10)
with runlog.RunContext("sync", sync_mode="incremental") as run:
    print("since", run.since)
now = datetime.now(UTC)
print("last", now - runlog.last_success("sync").sync_end_date < timedelta(minutes=1))
runlog.flush(10)
runs = queries.last_runs()
print([(each.script_name, each.status, each.state) for each in runs])
print([abs(each.started_at - now) < timedelta(minutes=1) for each in runs])
print([each.started_at.utcoffset() is not None for each in runs])
print([(group.message[:9], group.errors) for group in queries.error_groups()])
print(sorted((each.script_name, each.total_runs) for each in queries.script_statistics()))
print([(each.script_name, str(each.api_cost)) for each in runs if each.api_cost])
print([each.script_name for each in queries.running_now()])
print([entry.step for entry in queries.recent_errors()])
for dry_run in (True, False):
    pruned = retention.prune(older_than=timedelta(0), dry_run=dry_run)
    print("pruned", pruned.runs, pruned.entries)
"""
