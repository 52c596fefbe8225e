"""When the shipper makes a pass, how far it goes, and what it does with what cannot be stored."""

from __future__ import annotations

import threading

import pytest
from recording import messages
from waiting import eventually

from runlog._segments import BLOCK_BYTES


def test_a_full_block_does_not_wait_for_the_interval(recording, database, connection):
    """Entries that fill a block are delivered at once, however long the interval is."""
    made = recording(database, flush_interval=3600)
    made.log("first")
    assert made.recorder.flush(10)
    made.log_many(BLOCK_BYTES // 100)
    eventually(lambda: _is_true(made.stats().committed > 2000), within=20)
    assert made.recorder.flush(20)
    assert len(messages(connection)) == BLOCK_BYTES // 100 + 1


def _is_true(value):
    assert value


@pytest.mark.guarantee("never-raises")
def test_a_flush_ends_while_another_thread_logs_without_a_pause(recording, database, connection):
    """A pass delivers what was there when it began, and does not run after what comes meanwhile."""
    made = recording(database)
    ended = threading.Event()

    def log_on():
        while not ended.is_set():
            made.log("noise")

    noise = threading.Thread(target=log_on)
    noise.start()
    try:
        for number in range(5):
            made.log(f"mine {number}")
            assert made.recorder.flush(20)
            assert f"mine {number}" in messages(connection)
    finally:
        ended.set()
        noise.join()


@pytest.mark.guarantee("blast-radius", "conservation")
def test_a_refused_entry_waits_until_it_can_be_kept(recording, database, connection, tmp_path):
    """Where dead letters cannot be written, nothing is acknowledged; when they can, all is there."""
    connection.execute("alter table logs add constraint no_odd check (message <> 'odd')")
    made = recording(database)
    letters = made.recorder._spool.folder.parent / "dead-letters.jsonl"
    letters.symlink_to("not followed")
    for message in ("before", "odd", "after"):
        made.log(message)
    assert not made.recorder.flush(1)
    assert made.is_lawful()
    # The first may have been on its way before.
    assert made.stats().waiting in {2, 3}
    assert made.stats().dead_letters == 0
    letters.unlink()
    eventually(lambda: _is_true(made.stats().waiting == 0))
    assert made.stats().dead_letters == 1
    assert b"odd" in letters.read_bytes()
    assert messages(connection) == ["before", "after"]


@pytest.mark.guarantee("disk", "true-run")
def test_a_damaged_run_event_is_a_dead_letter(recording, database, connection, proxy):
    """What is left of a torn event is kept and told; the events around it are applied."""
    proxy.refuse()
    made = recording(proxy.conninfo)
    spool = made.recorder._spool
    spool._events.append(b'{"event": "fin\n')
    made.finish()
    proxy.forward()
    assert made.recorder.flush(10)
    letters = (spool.folder.parent / "dead-letters.jsonl").read_text()
    assert "damaged" in letters
    status = connection.execute("select status from runs").fetchall()
    assert status == [("success",)]
