"""What commands show is true: no success that a person made up, no column that is missing unsaid."""

import json
from datetime import datetime, timedelta

import psycopg
import pytest
from kit.rows import add_entry, add_run, ago
from kit.schema_tools import EARLIER
from kit.schema_tools import run as make

from runlog import queries
from runlog.cli.show.table import Column, _fit

WIDE = "hubspot-sync-" + "x" * 300


def test_a_cursor_set_by_hand_is_no_success(runlog, connection):
    """Setting a cursor hides no failure, invents no script, and can be taken back."""
    add_run(connection, "sync", started_at=ago(days=2), sync_end_date=ago(days=2))
    failed = add_run(connection, "sync", status="error")
    assert runlog("cursor", "set", "sync", "2h").code == 0
    assert runlog("cursor", "set", "nope", "yesterday").code == 0
    (health,) = queries.script_health(connection)
    assert (health.last_run_id, health.last_status) == (failed, "error")
    assert json.loads(runlog("show", "last", "--json").out)["run"]["id"] == str(failed)
    assert {row[1] for row in runlog("runs", "--mode", "cursor").rows} == {"sync", "nope"}
    view = connection.execute("select script_name, last_status from runlog_script_health")
    assert view.fetchall() == [("sync", "error")]
    before = queries.find_last_success(connection, script="sync").sync_end_date
    said = runlog("cursor", "undo", "sync")
    assert (said.code, said.out.startswith("taken back; the next sync of sync begins at")) == (
        0,
        True,
    )
    shown = json.loads(runlog("cursor", "show", "sync", "--json").out)
    assert datetime.fromisoformat(shown[0]["moment"]) == before
    assert runlog("cursor", "undo", "sync").code == 4


def test_reaping_is_honest_about_runs_without_heartbeat(runlog, connection):
    """A run of another program that nobody can judge is told, with what closes it."""
    add_run(connection, "javascript", status="running", started_at=ago(hours=26))
    said = runlog("reap")
    assert said.code == 0
    assert "1 running run writes no heartbeat" in said.err
    assert "began 1 d ago" in said.err
    assert "runlog close RUN" in said.err
    assert "1 running run writes no heartbeat" in runlog("doctor").out


@pytest.mark.parametrize("room", [40, 60, 80, 100, 220])
@pytest.mark.parametrize("command", ["runs", "scripts", "stats", "errors", "cursor show sync"])
def test_tables_fit(runlog, connection, monkeypatch, command, room):
    """Whatever is in it, a table is no wider than the terminal, down to what must be there."""
    from runlog.cli.show import table

    widths = []
    fit = table._fit

    def note(natural, columns, width):
        found = fit(natural, columns, room)
        widths.append(sum(found.values()) + 2 * (len(found) - 1))
        return found

    monkeypatch.setattr(table, "_fit", note)
    monkeypatch.setattr("runlog.cli.show.output.Output.on_terminal", True)
    for script in (WIDE, "sync"):
        add_run(
            connection, script, status="error", error_message="e" * 300, records_fetched=10**9,
            records_inserted=10**9, records_updated=10**9, api_cost=12345, calls_analyzed=10**6,
            sync_end_date=ago(),
        )  # fmt: skip
    add_run(connection, "sync", sync_end_date=ago(), records_fetched=5, api_cost=1)
    assert runlog(*command.split(), "--format", "table").code == 0
    assert widths
    assert max(widths) <= max(room, 80)


def test_what_gives_way_first():
    """Messages give way, then columns that matter less go, then names are cut."""
    columns = [
        Column("NAME", str, is_name=True),
        Column("STATE", str),
        Column("EXTRA", str, is_optional=True),
        Column("TEXT", str, is_flexible=True),
    ]
    natural = {0: 40, 1: 7, 2: 10, 3: 100}
    assert _fit(natural, columns, 200) == natural
    assert _fit(natural, columns, 120) == {0: 40, 1: 7, 2: 10, 3: 57}
    assert _fit(natural, columns, 80) == {0: 37, 1: 7, 2: 10, 3: 20}
    assert _fit(natural, columns, 70) == {0: 28, 1: 7, 3: 31}
    assert _fit(natural, columns, 50) == {0: 19, 1: 7, 3: 20}
    assert _fit(natural, columns, 30) == {0: 14, 1: 7, 3: 10}


def test_the_doctor_tells_of_levels_that_no_question_finds(runlog, empty_database, monkeypatch):
    """In tables without a check on levels other programs write ``error`` and ``FATAL``: that is told."""
    make(empty_database, EARLIER)
    monkeypatch.setenv("RUNLOG_DSN", empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        run_id = add_run(connection)
        for level in ("INFO", "error", "FATAL"):
            add_entry(connection, run_id, level=level)
    said = runlog("doctor")
    assert "other levels than the documented four: 'FATAL', 'error'" in said.out or (
        "other levels than the documented four: 'error', 'FATAL'" in said.out
    )


def test_the_duration_of_a_run_that_told_none(connection):
    """Another program's failure without ``duration_ms`` took as long as it took."""
    began = ago(minutes=1)
    finished = began + timedelta(seconds=36)
    add_run(connection, status="error", started_at=began, finished_at=finished, duration_ms=None)
    (health,) = queries.script_health(connection)
    assert health.last_duration_ms == 36_000


def test_an_error_is_told_once(runlog, connection):
    """What the last line of a traceback says is not said before it as well."""
    run_id = add_run(connection)
    stack = "Traceback (most recent call last):\nValueError: it broke"
    meta = {"error": "it broke", "error_type": "ValueError", "stack": stack, "row": 7}
    add_entry(connection, run_id, "it broke", level="ERROR", meta=meta)
    first, *rest = runlog("logs", "last", "--format", "table").out.splitlines()
    assert first.endswith("it broke  row=7")
    assert rest[-1].endswith("ValueError: it broke")
