"""When the shipper makes a pass, how far it goes, and what it does with what cannot be stored."""

from __future__ import annotations

import threading

import pytest
from kit.recording import messages
from kit.waiting import until

from runlog._delivery import at_once
from runlog._delivery import store as _store
from runlog._delivery.shipper import Shipper
from runlog._entry.copy_text import CANCEL
from runlog._spool.writer import BLOCK_BYTES


@pytest.fixture
def no_thread(monkeypatch):
    """As late in an exit, where no thread can start: each flush is exactly one pass."""
    monkeypatch.setattr(Shipper, "start", lambda _: None)


@pytest.fixture
def statements(monkeypatch):
    """What was sent of entries, in order: (lane, lines); ``meanwhile`` is called during each."""
    sent = Statements()
    real_copy, real_insert = _store.Store._copy, _store.Store._insert
    real_together = at_once.list_statements

    def copy(store, block):
        sent.note("copy", block.count(b"\n"))
        return real_copy(store, block)

    def insert(store, rows, late):
        sent.note("insert", len(rows))
        return real_insert(store, rows, late)

    def together(events, rows):
        sent.note("at once", len(rows))
        return real_together(events, rows)

    monkeypatch.setattr(at_once, "list_statements", together)
    monkeypatch.setattr(_store.Store, "_copy", copy)
    monkeypatch.setattr(_store.Store, "_insert", insert)
    return sent


class Statements:
    def __init__(self):
        self._sent = []
        self.meanwhile = lambda: None

    def note(self, lane, lines):
        self._sent.append((lane, lines))
        self.meanwhile()

    def take(self):
        sent, self._sent = self._sent, []
        return sent


@pytest.mark.usefixtures("no_thread")
def test_what_comes_meanwhile_waits_for_the_next_pass(recording, database, statements):
    """A pass is one statement for what was there, however fast others log, and then does the rest."""
    made = recording(database)
    idle = []
    made.recorder._shipper.delivery._before_idle = lambda: idle.append(made.stats().waiting)
    statements.meanwhile = lambda: made.log_many(20)
    made.log_many(5000)
    assert made.recorder.flush()
    assert statements.take() == [("copy", 5000)]
    assert made.recorder.flush()
    assert statements.take() == [("insert", 20)]
    assert idle == [20, 20]
    assert made.stats().committed == 5020
    assert made.is_lawful()


@pytest.mark.usefixtures("no_thread")
def test_a_backlog_leaves_no_small_rest(recording, database, statements):
    """A backlog is blocks of 1 MiB, and the last one takes along what is left: no insert."""
    made = recording(database)
    spool = made.recorder._spool
    while spool.entries.writer.files.bytes_held < 2.2 * BLOCK_BYTES:
        made.log("x" * 200)
    lines = spool.entries_taken
    assert made.recorder.flush()
    sent = statements.take()
    assert [lane for lane, _ in sent] == ["copy", "copy"]
    assert sum(count for _, count in sent) == made.stats().committed == lines
    assert sent[0][1] < sent[1][1] < 1.5 * sent[0][1]


@pytest.mark.usefixtures("no_thread")
@pytest.mark.guarantee("conservation")
def test_an_exit_delivers_what_came_during_its_pass(recording, database, connection, statements):
    """What is logged while the last pass is under way is delivered by one more."""
    made = recording(database)
    late = iter(["late"])
    statements.meanwhile = lambda: [made.log(message) for message in late]
    made.log("first")
    assert made.close()
    assert statements.take() == [("at once", 1), ("insert", 1)]
    assert messages(connection) == ["first", "late"]


@pytest.mark.usefixtures("no_thread")
@pytest.mark.guarantee("conservation", "exactly-once")
@pytest.mark.parametrize("ending", [b"", CANCEL[:1]], ids=["blank", "cancelled"])
def test_copy_refuses_what_is_no_entry(recording, database, connection, statements, ending):
    """A blank or cancelled line among thousands is not counted: COPY refuses it with its block."""
    made = recording(database)
    spool = made.recorder._spool
    made.log_many(1)
    line = spool.entries.read(2**16).data.rstrip(b"\n")
    spool.entries.writer._write((line + ending if ending else b"") + b"\n")
    made.log_many(2999)
    assert made.recorder.flush()
    assert statements.take() == [("copy", 3001)] + [("insert", 1000)] * 3
    assert made.stats().committed == 3000
    assert len(messages(connection)) == 3000
    assert made.is_lawful()


def test_a_full_block_does_not_wait_for_the_interval(recording, database, connection):
    """Entries that fill a block are delivered at once, however long the interval is."""
    made = recording(database, flush_interval=3600)
    made.log("first")
    assert made.recorder.flush(10)
    made.log_many(BLOCK_BYTES // 100)
    until(lambda: made.stats().committed > 2000, within=20)
    assert made.recorder.flush(20)
    assert len(messages(connection)) == BLOCK_BYTES // 100 + 1


@pytest.mark.guarantee("never-raises")
def test_a_flush_ends_while_another_thread_logs_without_a_pause(recording, database, connection):
    """A pass delivers what was there when it began, and does not run after what comes meanwhile."""
    made = recording(database)
    ended = threading.Event()

    def log_on():
        while not ended.is_set():
            # Always ahead; but on a busy machine not so far that no time is enough for what waits.
            if made.stats().waiting < 20_000:
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
    until(lambda: made.stats().waiting == 0)
    assert made.stats().dead_letters == 1
    assert b"odd" in letters.read_bytes()
    assert messages(connection) == ["before", "after"]


@pytest.mark.guarantee("disk", "true-run")
def test_a_damaged_run_event_is_a_dead_letter(recording, database, connection, proxy):
    """What is left of a torn event is kept and told; the events around it are applied."""
    proxy.refuse()
    made = recording(proxy.conninfo)
    spool = made.recorder._spool
    spool.events.append(b'{"event": "fin\n')
    made.finish()
    proxy.forward()
    assert made.recorder.flush(10)
    letters = (spool.folder.parent / "dead-letters.jsonl").read_text()
    assert "damaged" in letters
    status = connection.execute("select status from runs").fetchall()
    assert status == [("success",)]
