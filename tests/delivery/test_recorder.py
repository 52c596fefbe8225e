"""The recorder's life: opened late, closed and opened again, shared, and damaged spools survived."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from kit.recording import messages, run_row
from kit.waiting import eventually

from runlog._spool.spool import NEVER_SHED


def test_nothing_is_opened_before_the_first_entry(tmp_path, database):
    """Making a recorder touches neither disk nor database."""
    from runlog._recorder.recorder import Recorder
    from runlog._settings import resolve

    recorder = Recorder(resolve({"dsn": database, "spool_dir": str(tmp_path / "spool")}))
    assert not (tmp_path / "spool").exists()
    assert recorder.close()
    assert recorder.stats().appended == 0


def test_a_record_after_closing_opens_a_new_spool(recording, database, connection):
    """What is logged after ``close`` is recorded like everything else."""
    made = recording(database)
    made.log("before")
    assert made.close()
    made.log("after")
    assert made.close()
    assert messages(connection) == ["before", "after"]
    assert made.stats().appended == 2
    assert made.is_lawful()


@pytest.mark.guarantee("conservation", "bounded")
def test_what_was_shed_is_told_at_the_end_also_without_room(recording, database, connection):
    """The spool is at its limit to the very end: how much was shed stands in the table."""
    made = recording(database)
    made.recorder._spool.measure = lambda: None
    made.recorder._spool.entries.writer._on_full = lambda: None
    made.recorder._spool.lowest_level = NEVER_SHED
    for _ in range(3):
        made.log("not taken")
    made.finish()
    assert made.close()
    assert [it.partition(";")[0] for it in messages(connection)] == [
        "runlog shed 3 entries of this run"
    ]


@pytest.mark.guarantee("exactly-once", "fork-threads")
def test_closing_while_threads_log_loses_nothing(recording, database, connection):
    """Four threads log while the recorder is closed again and again: every entry arrives once."""
    made = recording(database)

    def work(thread):
        for number in range(500):
            made.log(f"{thread} {number:04d}")

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        made.close()
    for thread in threads:
        thread.join()
    made.log("last")
    assert made.close()
    expected = sorted([f"{thread} {number:04d}" for thread in range(4) for number in range(500)])
    assert sorted(messages(connection)) == [*expected, "last"]


@pytest.mark.guarantee("disk", "blast-radius")
def test_foreign_bytes_in_an_orphan_are_kept_aside(recording, proxy, connection, tmp_path):
    """A damaged line is a dead letter of its own; what stands around it is delivered."""
    first = recording(proxy.conninfo)
    proxy.refuse()
    first.log_many(10)
    first.finish()
    assert not first.close(0.2)
    (segment,) = Path(tmp_path / "spool").rglob("logs-*.copy")
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][:40].replace(b"-", b"\x00") + b"\n"
    lines.insert(7, b"\xff\xfe not ours at all\n")
    segment.write_bytes(b"".join(lines) + lines[9][:50])
    proxy.forward()
    second = recording(proxy.conninfo)
    second.log("mine")
    assert second.close()
    expected = [f"line {number:06d}" for number in range(10) if number != 3]
    assert messages(connection, first.run.id_text) == expected
    (file,) = Path(tmp_path / "spool").rglob("dead-letters.jsonl")
    assert len(file.read_text().splitlines()) == 3


def test_progress_is_visible_while_the_run_goes_on(recording, database, connection):
    """Counts and metadata set during the run are on its row with the next heartbeat."""
    made = recording(database, heartbeat_interval=0.01)
    made.run.add("records_fetched", 150)
    made.run.metadata["pages"] = 2
    made.log("one")
    columns = ("status", "records_fetched", "metadata ->> 'pages'")

    def is_visible():
        assert made.recorder.flush(10)
        assert run_row(connection, made.run.id_text, *columns) == ("running", 150, "2")

    eventually(is_visible)


@pytest.mark.guarantee("true-run")
def test_a_run_swept_while_frozen_is_running_again(recording, database, connection):
    """The owner's next heartbeat corrects a sweep that was wrong, and its end is the true one."""
    made = recording(database, heartbeat_interval=0.01)
    made.log("one")
    assert made.recorder.flush(10)
    made.recorder._shipper.delivery._store.sweep(
        made.run.id_text, finished_at="2026-01-01", error_message="wrongly", outcome="died"
    )
    columns = ("status", "error_message", "finished_at", "metadata #>> '{runlog,swept_at}'")

    def is_revived():
        assert made.recorder.flush(10)
        assert run_row(connection, made.run.id_text, *columns) == ("running", None, None, None)

    eventually(is_revived)
    made.finish()
    assert made.close()
    assert run_row(connection, made.run.id_text, "status", "error_message") == ("success", None)


@pytest.mark.guarantee("true-run")
def test_the_first_final_state_wins(recording, database, connection):
    """A second end, however it comes, does not change a run that has ended."""
    made = recording(database)
    made.finish("error", "the first")
    made.finish("success")
    assert made.close()
    assert run_row(connection, made.run.id_text, "status", "error_message") == (
        "error",
        "the first",
    )


OLD_RUNS = """
    insert into runs (script_name, status, started_at, finished_at)
    select 'old', 'success', t, t + interval '1 minute'
    from (select now() - interval '40 days' - n * interval '1 hour' as t from generate_series(1, 5) as n)
    as times
"""


def test_old_runs_are_deleted_where_the_setting_asks_for_it(
    recording, database, connection, monkeypatch
):
    """With retention_days old runs go by themselves, without it nothing does; the newest stays."""
    monkeypatch.setattr("runlog._delivery.housekeeping._PRUNE_NOT_BEFORE", 0.0)
    connection.execute(OLD_RUNS)
    count = "select count(*) from runs where script_name = 'old'"
    for days, left in ((0, 5), (30, 1)):
        made = recording(database, retention_days=days)
        made.log("one")
        assert made.recorder.flush(10)
        made.finish()
        assert made.close()
        assert connection.execute(count).fetchone() == (left,)


def test_an_old_run_that_is_held_fast_holds_nothing_up(
    recording, database, connection, monkeypatch, capfd
):
    """Another table refers to old runs: that they stay is told, and entries are delivered as ever."""
    monkeypatch.setattr("runlog._delivery.housekeeping._PRUNE_NOT_BEFORE", 0.0)
    connection.execute(OLD_RUNS)
    connection.execute("create table audits (run_id uuid references runs)")
    try:
        connection.execute("insert into audits select id from runs where script_name = 'old'")
        made = recording(database, retention_days=30)
        made.log("one")
        assert made.recorder.catch_up(10)
    finally:
        connection.execute("drop table audits")
    told = capfd.readouterr().err
    assert "what is old was deleted, but run" in told
    assert "cannot write" not in told
