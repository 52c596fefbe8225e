"""Cursors that several scripts share, or several runs of one script do not; clocks that are wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from kit.asking import add_run, succeeded

import runlog
from runlog import RunContext

HOUR = timedelta(hours=1)
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FUTURE = datetime(2036, 1, 1, tzinfo=UTC)


def since(script_name="sync", **settings):
    with RunContext(script_name, **settings) as run:
        return run.since


def test_full_and_incremental_share_a_cursor(here):
    """A full sync under a name of its own is where the incremental one goes on."""
    with RunContext("sync-full", sync_mode="full", cursor="deals") as full:
        pass
    with RunContext("sync-incremental", sync_mode="incremental", cursor="deals") as first:
        assert first.since == full.started_at
    assert since("sync-full", cursor="deals") == first.started_at
    assert since("sync-incremental") is None


def test_a_checkpoint_moves_the_cursor_that_was_named(here):
    """Also of a run that failed."""
    run = RunContext("sync-full", cursor="deals").start()
    run.checkpoint(MOMENT)
    run.finish(ValueError("broken"))
    assert since("other", cursor="deals") == MOMENT
    assert since("sync-full") is None


def test_a_cursor_of_the_scripts_own_name_is_the_default(here, connection):
    """Naming it says nothing new, and others may share it by that name."""
    succeeded(connection, MOMENT)
    with RunContext("sync", cursor="sync") as same:
        assert same.since == MOMENT
    with RunContext("other", cursor="sync") as other:
        assert other.since == same.started_at
    assert since() == same.started_at
    assert since("third", cursor="sync") > other.started_at


def test_kinds_of_one_script_do_not_disturb_each_other(here, capfd):
    """Contacts and deals in one batch, by one script: each continues where it ended, without a word."""
    begins = []
    for _ in range(2):
        with runlog.batch():
            for kind in ("contacts", "deals"):
                with RunContext("sync", sync_mode="incremental", cursor=kind) as run:
                    begins.append((run.since, run.started_at))
    assert [since for since, _ in begins] == [None, None, begins[0][1], begins[1][1]]
    assert "this very batch" not in capfd.readouterr().err


def test_a_second_run_of_the_name_in_one_batch_is_told(here, capfd):
    """What changed in deals since yesterday would be skipped: contacts have just moved the cursor."""
    with runlog.batch():
        with RunContext("sync", sync_mode="incremental") as contacts:
            assert contacts.since is None
        with RunContext("sync", sync_mode="incremental") as deals:
            assert deals.since == contacts.started_at
    told = capfd.readouterr().err
    assert told.count("this very batch") == 1
    assert str(contacts.id) in told
    assert 'cursor="deals"' in told


def test_the_next_batch_is_not_told(here, capfd):
    """The last night's run is what a sync goes on from."""
    for _ in range(2):
        with runlog.batch():
            since(sync_mode="incremental")
    assert "this very batch" not in capfd.readouterr().err


def test_a_clock_that_is_ahead_does_not_hold_the_cursor(here, connection):
    """A run that ended in 2036 by its clock moved it; what comes after it moves it on."""
    succeeded(connection, MOMENT)
    succeeded(connection, MOMENT + HOUR, finished_at=FUTURE)
    assert since() == MOMENT + HOUR
    succeeded(connection, MOMENT + 2 * HOUR)
    assert since() == MOMENT + 2 * HOUR


def test_a_window_that_ends_in_the_future_by_such_a_clock_counts_for_nothing(here, connection):
    """Nothing would be synced until then."""
    succeeded(connection, MOMENT)
    succeeded(connection, FUTURE, finished_at=FUTURE)
    assert since() == MOMENT


def test_a_cursor_in_the_future_is_told(here, connection, capfd):
    """A script may mean it, with a right clock; it is told with the way back."""
    succeeded(connection, FUTURE, finished_at=datetime.now(UTC))
    assert since() == FUTURE
    told = capfd.readouterr().err
    assert "is in the future" in told
    assert "runlog cursor set sync" in told


def test_setting_it_counts_whatever_the_clocks_said(here, connection):
    """And what succeeds afterwards counts more."""
    from runlog._run.cursor import set_cursor

    succeeded(connection, MOMENT + HOUR, finished_at=FUTURE)
    set_cursor(connection, "public", "sync", MOMENT)
    assert since() == MOMENT
    succeeded(connection, MOMENT + HOUR)
    assert since() == MOMENT + HOUR


def test_the_last_success_is_not_one_of_the_future_for_good(here, connection):
    """A later one is the last, unless there is none."""
    ahead = succeeded(connection, MOMENT, finished_at=FUTURE)
    assert runlog.last_success("sync").id == ahead
    later = succeeded(connection, MOMENT)
    assert runlog.last_success("sync").id == later


def test_a_long_history_is_not_read(here, connection):
    """The latest is found among the newest, also beside many of a clock that was ahead."""
    for number in range(30):
        succeeded(connection, MOMENT - number * HOUR, finished_at=FUTURE + number * HOUR)
    for number in range(30):
        succeeded(connection, MOMENT + number * HOUR)
    assert since() == MOMENT + 29 * HOUR


@pytest.mark.parametrize("how", ["error", "success"])
def test_only_a_sync_that_succeeded_has_an_end(here, connection, how):
    """``sync_end_date`` is null for what is no sync, and for one that failed, which keeps it aside."""
    for name, settings in (("plain", {}), ("sync", {"sync_end_date": MOMENT})):
        run = RunContext(name, **settings).start()
        run.finish(ValueError("broken") if how == "error" else None)
    assert runlog.flush(10)
    rows = connection.execute(
        "select script_name, sync_end_date, metadata #>> '{runlog,sync_end_date}' from runs"
    ).fetchall()
    end, kept = (MOMENT, None) if how == "success" else (None, MOMENT.isoformat())
    assert sorted(rows) == [("plain", None, None), ("sync", end, kept)]


@pytest.mark.parametrize(
    "settings", [{"sync_mode": "full"}, {"sync_start_date": MOMENT}, {"sync_mode": "auto"}], ids=str
)
def test_what_is_a_sync_ends_where_it_began(here, connection, settings):
    """A mode, a date, ``since`` or a checkpoint make a run a sync."""
    with RunContext("job", **settings) as run:
        pass
    assert runlog.flush(10)
    found = connection.execute("select sync_end_date from runs").fetchone()
    assert found == (run.started_at,)


def test_rows_of_other_programs_have_no_notes(here, connection):
    """Metadata that is null, a list or a text is no obstacle."""
    for metadata in (None, json.dumps([1]), json.dumps("text"), json.dumps({"runlog": "mine"})):
        add_run(
            connection,
            status="success",
            sync_end_date=MOMENT,
            finished_at=MOMENT,
            metadata=metadata,
        )
    assert since() == MOMENT
