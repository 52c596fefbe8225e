"""``runlog reap``, ``close`` and ``cursor``: what a person may change in the history."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from kit.asking import add_run, runs_of, succeeded

import runlog
from runlog import RunContext
from runlog.cli import cli

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def beat_of(connection, run_id):
    return connection.execute(
        "select (metadata #>> '{runlog,heartbeat_at}')::timestamptz from runs where id = %s",
        [run_id],
    ).fetchone()[0]


def command(*arguments):
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


def test_the_command_reaps(here, connection):
    """``runlog reap`` prints what it closed."""
    run_id = add_run(connection, beat=500)
    add_run(connection)
    assert str(run_id) in command("reap", "--format", "tsv").stdout
    assert sorted(runs_of(connection)) == ["error", "running"]
    assert "nothing to close" in command("reap").stderr


def test_what_is_refused_is_not_called_alive(here, connection):
    """A silent run that the table does not let end is told, and nobody says that all live."""
    connection.execute("alter table runs add constraint no_errors check (status <> 'error')")
    try:
        add_run(connection, beat=500)
        said = command("reap").stderr
        assert "nothing was closed; 1 silent run stays" in said
        assert "nothing to close" not in said
    finally:
        connection.execute("alter table runs drop constraint no_errors")


def test_closing_by_hand(here, connection):
    """``runlog close`` ends a run of another program; who did it is in the row."""
    run_id = add_run(connection, started_at="1900-01-01")
    done = command("close", str(run_id)[:13])
    assert done.exit_code == 0, done.output
    columns = "status, error_message like 'closed by %%@%%', duration_ms, finished_at is not null"
    assert runs_of(connection, columns=columns) == [("error", True, 2147483647, True)]
    assert runs_of(connection, columns="metadata #>> '{runlog,outcome}'") == ["closed"]


def test_closing_as_a_success(here, connection):
    """A person may know that it went well."""
    run_id = add_run(connection, beat=500, started_at="2020-01-01")
    assert command("close", str(run_id), "--status", "success").exit_code == 0
    assert runs_of(connection, columns="status, error_message, finished_at") == [
        ("success", None, beat_of(connection, run_id))
    ]


def test_a_live_run_is_closed_by_force_only(here, connection):
    """A run that is alive stays, with exit code 1; with ``--force`` its own end counts no more."""
    with RunContext("sync") as run:
        assert runlog.flush(10)
        refused = command("close", str(run.id))
        assert refused.exception.code == 1
        assert "it is alive" in refused.stderr
        assert runs_of(connection) == ["running"]
        assert command("close", str(run.id), "--force", "--message", "stuck").exit_code == 0
    assert runlog.flush(10)
    assert runs_of(connection, columns="status, error_message") == [("error", "stuck")]


def test_an_ended_run_stays(here, connection):
    """What has ended is not ended again."""
    run_id = add_run(connection, status="success")
    refused = command("close", str(run_id))
    assert refused.exception.code == 1
    assert "it is success" in refused.stderr
    assert runs_of(connection, columns="status, error_message") == [("success", None)]


def since():
    with RunContext("sync") as run:
        return run.since


def test_show_tells_the_moment_and_who_said_it(here, connection):
    """``cursor show`` prints one row for programs."""
    run_id = succeeded(connection, MOMENT)
    shown = command("cursor", "show", "sync", "--format", "json")
    assert json.loads(shown.stdout) == [
        {
            "run_id": str(run_id),
            "moment": "2026-01-31T12:00:00.000000Z",
            "said_at": "2026-01-31T12:01:00.000000Z",
            "source": "success",
            "batch_id": None,
            "script_name": "sync",
        }
    ]


def test_show_without_a_cursor_is_not_found(here):
    """A script that never succeeded has no cursor: an error that says what that means."""
    shown = command("cursor", "show", "sync")
    assert shown.stdout == ""
    assert "begins from the beginning" in str(shown.exception)


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00"])
def test_set_moves_it_back_and_leaves_a_trace(here, connection, text):
    """``cursor set`` counts at once, and is a row that plain SQL sees and that is no last success."""
    succeeded(connection, MOMENT)
    done = command("cursor", "set", "sync", text)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("the next sync of sync begins at ")
    assert since() == datetime(2026, 1, 1, tzinfo=UTC)
    rows = runs_of(connection, columns="status, sync_mode, triggered_by, duration_ms")
    assert ("success", "cursor", "manual", None) in rows


def test_set_counts_whatever_a_clock_said(here, connection):
    """A success that finished in the future, by its host's wrong clock, does not outdo it."""
    succeeded(connection, MOMENT, finished_at=datetime(2099, 1, 1, tzinfo=UTC))
    assert command("cursor", "set", "sync", "2026-01-01T00:00:00Z").exit_code == 0
    assert since() == datetime(2026, 1, 1, tzinfo=UTC)


def test_set_to_none_begins_from_the_beginning(here, connection):
    """After ``cursor set … none`` the next sync has no ``since``; its success moves it on."""
    succeeded(connection, MOMENT)
    assert command("cursor", "set", "sync", "none").exit_code == 0
    with RunContext("sync") as run:
        assert run.since is None
    assert since() == run.started_at


def test_a_cursor_set_by_hand_is_no_success(here, connection):
    """``last_success`` does not mistake it for a run."""
    run_id = succeeded(connection, MOMENT)
    assert command("cursor", "set", "sync", "now").exit_code == 0
    assert runlog.last_success("sync").id == run_id
