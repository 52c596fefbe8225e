"""Where the next incremental sync begins: what moves the cursor, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kit.asking import add_run, runs_of, succeeded

import runlog
from runlog import RunContext
from runlog.errors import DatabaseUnavailableError

HOUR = timedelta(hours=1)
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def since(**settings):
    with RunContext("sync", **settings) as run:
        return run.since


def failed_run(*checkpoints, **settings):
    """A run that reaches the checkpoints and then fails."""
    run = RunContext("sync", **settings).start()
    for moment in checkpoints:
        run.checkpoint(moment)
    run.finish(ValueError("broken"))
    assert runlog.flush(10)
    return run


def test_the_first_time_there_is_none(here, connection):
    """Nothing was synced yet: None, and another script's success does not count."""
    succeeded(connection, MOMENT, script_name="other")
    assert since() is None
    assert runlog.last_success("never") is None


def test_the_next_sync_begins_where_the_last_success_began(here, connection):
    """``sync_end_date`` is the moment the run started; the next ``since`` is that moment."""
    with RunContext("sync") as first:
        assert first.since is None
    with RunContext("sync") as second:
        assert second.since == first.started_at
    assert runlog.flush(10)
    assert runs_of(connection, columns="sync_end_date") == [first.started_at, second.started_at]


def test_the_window_overlaps_and_is_stored(here, connection):
    """``overlap_window`` is taken off, and ``since`` becomes ``sync_start_date``."""
    succeeded(connection, MOMENT)
    with RunContext("sync", sync_mode="incremental", overlap_window=HOUR) as run:
        assert run.since == MOMENT - HOUR
        assert run.since.tzinfo is UTC
    assert runlog.flush(10)
    assert runs_of(connection, columns="sync_start_date")[-1] == MOMENT - HOUR


def test_a_start_date_of_ones_own_stays(here, connection):
    """``since`` does not replace a ``sync_start_date`` that the caller gave."""
    succeeded(connection, MOMENT)
    with RunContext("sync", sync_start_date=MOMENT - 5 * HOUR) as run:
        assert run.since == MOMENT
        assert run.sync_start_date == MOMENT - 5 * HOUR


def test_it_is_asked_once(here, connection):
    """The answer stays what it was, whoever succeeds meanwhile."""
    with RunContext("sync") as run:
        assert run.since is None
        succeeded(connection, MOMENT)
        assert run.since is None


def test_the_database_is_not_asked_until_it_is_used(here, proxy):
    """A run that never looks at ``since`` never waits for the database."""
    here(DSN=proxy.conninfo, EXIT_TIMEOUT=0)
    proxy.refuse()
    run = RunContext("sync", overlap_window=HOUR).start()
    with pytest.raises(DatabaseUnavailableError, match="the cursor of 'sync'"):
        _ = run.since
    run.finish()


def test_a_failed_run_does_not_move_it(here, connection):
    """What a failed run says about its end is not believed."""
    succeeded(connection, MOMENT)
    failed_run(sync_end_date=MOMENT + HOUR)
    assert since() == MOMENT


@pytest.mark.parametrize(
    "dates",
    [
        {"sync_start_date": MOMENT - 9 * HOUR, "sync_end_date": MOMENT - 8 * HOUR},
        {"sync_start_date": MOMENT - 9 * HOUR},
        {"sync_end_date": MOMENT + 9 * HOUR},
    ],
    ids=["both", "start", "end"],
)
def test_a_backfill_does_not_move_it(here, connection, dates):
    """A full sync with dates of its own leaves the cursor, and says so in its row."""
    succeeded(connection, MOMENT)
    with RunContext("sync", sync_mode="full", **dates) as backfill:
        pass
    assert since() == MOMENT
    marks = runs_of(connection, columns="id, metadata #> '{runlog,backfill}'")
    assert (backfill.id, True) in marks
    assert (
        runlog.last_success("sync").sync_end_date == runs_of(connection, columns="started_at")[-1]
    )


@pytest.mark.parametrize("mode", ["full", "incremental", None])
def test_other_successes_move_it(here, mode):
    """A full sync without dates, and an incremental one with an end of its own, move the cursor."""
    dates = {} if mode == "full" else {"sync_end_date": MOMENT}
    with RunContext("sync", sync_mode=mode, **dates) as run:
        pass
    assert since() == (run.started_at if mode == "full" else MOMENT)


def test_an_end_that_is_set_inside_counts(here):
    """A full sync that reports its end as an attribute, as the documented script does, moves it."""
    with RunContext("sync", sync_mode="full") as run:
        run.sync_end_date = MOMENT
    assert since() == MOMENT


def test_rows_of_other_programs_count(here, connection):
    """A success that was written by hand is a success; one without a window is none to go on."""
    succeeded(connection, MOMENT, metadata=None)
    add_run(connection, status="success", finished_at=MOMENT + HOUR)
    assert since() == MOMENT


def test_what_waits_in_a_spool_is_delivered_first(here, proxy, monkeypatch, tmp_path):
    """A success that the database has not heard of, for it was away, moves the cursor."""
    here(DSN=proxy.conninfo, EXIT_TIMEOUT=0)
    proxy.refuse()
    with RunContext("sync", sync_mode="incremental") as lost:
        pass
    assert not runlog.flush(0.2)
    proxy.forward()
    assert since() == lost.started_at


def test_a_checkpoint_counts_when_the_run_fails(here, connection):
    """What a run had reached when it failed is where the next one goes on."""
    succeeded(connection, MOMENT)
    failed_run(MOMENT + HOUR, MOMENT + 2 * HOUR)
    assert since(overlap_window=HOUR) == MOMENT + HOUR


def test_a_checkpoint_is_in_the_row_at_once(here, connection):
    """It does not wait for the heartbeat, nor for the end."""
    with RunContext("sync") as run:
        run.checkpoint(MOMENT)
        assert runlog.flush(10)
        stored = runs_of(connection, columns="status, metadata #>> '{runlog,checkpoint}'")
        assert stored == [("running", MOMENT.isoformat())]


def test_a_success_after_a_checkpoint_counts_more(here, connection):
    """What was said last counts: the end of the success, not the checkpoint before it."""
    with RunContext("sync") as run:
        run.checkpoint(MOMENT)
    assert since() == run.started_at


def test_a_checkpoint_after_a_success_may_go_back(here, connection):
    """A later run that failed said something newer, even if it is an earlier moment."""
    succeeded(connection, MOMENT)
    failed_run(MOMENT - HOUR)
    assert since() == MOMENT - HOUR


def test_a_checkpoint_of_a_backfill_does_not_count(here, connection):
    """A backfill does not move the cursor, whole or in part."""
    succeeded(connection, MOMENT)
    dates = {"sync_start_date": MOMENT - 9 * HOUR, "sync_end_date": MOMENT - 8 * HOUR}
    failed_run(MOMENT - 9 * HOUR, sync_mode="full", **dates)
    assert since() == MOMENT


def test_a_checkpoint_survives_kill_9(here, run_script, database, connection):
    """It is in the spool when the call returns, and the next run goes on there."""
    script = run_script(
        """
        import os, signal
        from datetime import datetime
        import runlog
        with runlog.RunContext("sync") as run:
            run.checkpoint(datetime.fromisoformat("2026-01-31T12:00:00+00:00"))
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        env={"RUNLOG_DSN": database},
    )
    assert script.exit_code == -9
    assert since() == MOMENT


@pytest.mark.parametrize("moment", ["soon", None, 5])
def test_a_checkpoint_that_is_no_moment(here, moment, capfd):
    """It is told on stderr and stored nowhere; the script goes on."""
    with RunContext("sync") as run:
        run.checkpoint(moment)
    assert "it is no moment" in capfd.readouterr().err
    assert since() == run.started_at


def test_the_last_success_is_a_row(here, connection):
    """``last_success`` gives the row that the cursor rests on."""
    run_id = succeeded(connection, MOMENT, sync_mode="incremental", started_at=MOMENT)
    failed_run()
    found = runlog.last_success("sync")
    assert (found.id, found.script_name, found.sync_end_date) == (run_id, "sync", MOMENT)
    assert (found.finished_at, found.started_at, found.sync_mode) == (
        MOMENT + timedelta(minutes=1),
        MOMENT,
        "incremental",
    )


def test_the_number_of_the_run(here, connection):
    """``legacy_id`` is the number in the row, known once the row is there."""
    run = RunContext("sync")
    assert run.legacy_id is None
    with run:
        assert [run.legacy_id] == runs_of(connection, columns="legacy_id")


def test_the_number_is_not_known_without_the_database(here, proxy, capfd):
    """With the database away it is None, which is said once, and the script goes on."""
    here(DSN=proxy.conninfo, EXIT_TIMEOUT=0)
    proxy.refuse()
    with RunContext("sync") as run:
        assert run.legacy_id is None
    assert "the number of a run cannot be asked" in capfd.readouterr().err


def test_switched_off_the_past_stays(here, connection):
    """With ``enabled`` off nothing is recorded, and a sync goes on where it would: not from the beginning."""
    here(ENABLED=0)
    succeeded(connection, MOMENT)
    assert since() == MOMENT
    assert runlog.last_success("sync").sync_end_date == MOMENT
    assert runs_of(connection) == ["success"]


def test_switched_off_without_a_database_it_cannot_be_known(here, monkeypatch):
    """None would mean that everything is to be synced."""
    here(ENABLED=0)
    for name in ("RUNLOG_DSN", "DATABASE_URL", "PGHOST", "PGUSER", "PGDATABASE", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("runlog.embedded.is_installed", lambda: False)
    with pytest.raises(DatabaseUnavailableError, match="no database is named"):
        since()
