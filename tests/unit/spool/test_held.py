"""Lines for which there is no descriptor: what is known of them while another thread makes a file."""

from __future__ import annotations

import threading

import pytest

from runlog._process.descriptor import Descriptor
from runlog._spool.held import HeldLines
from runlog._spool.row import Row
from runlog._spool.spool import Spool
from runlog._spool.writer import SegmentWriter


def refuse(*_, **__):
    """As where no descriptor is free."""
    raise OSError(24, "Too many open files")


@pytest.fixture
def row(tmp_path, monkeypatch):
    """A row that holds a line, and can make its first file from now on."""
    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "_create", refuse)
        made = Row(tmp_path, "logs", ".copy", 2**20)
        assert made.append(b"line\n")
    assert len(made.writer.held) == 1
    yield made
    made.abandon()


@pytest.mark.guarantee("conservation")
def test_a_mark_set_while_the_file_is_being_made_is_passed(row, monkeypatch):
    """Who waits for a held line waits for it where it comes to stand, not for a file after that one."""
    create, marks = SegmentWriter._create, []

    def create_slowly(writer, number, *, to_memory):
        segment = create(writer, number, to_memory=to_memory)
        writer.files.add(segment)
        # Another thread asks now: the file is there, and nothing can be written to it yet.
        marks.append(row.mark())
        return segment

    monkeypatch.setattr(SegmentWriter, "_create", create_slowly)
    row.writer.check()
    (is_passed,) = marks
    assert not is_passed()
    block = row.read(100)
    assert block.data == b"line\n"
    row.acknowledge(block.end)
    assert is_passed()


def test_a_mark_waits_for_a_line_without_a_place(row, monkeypatch):
    """As long as no file can be made nothing of it is delivered."""
    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "_create", refuse)
        is_passed = row.mark()
        assert not is_passed()
    assert not is_passed()
    row.acknowledge(row.read(100).end)
    assert is_passed()


def test_a_mark_is_of_its_moment(row):
    """What is appended later is not waited for."""
    is_passed = row.mark()
    end = row.read(100).end
    row.append(b"later\n")
    row.acknowledge(end)
    assert is_passed()
    assert not row.is_empty()


@pytest.mark.guarantee("conservation", "true-run")
def test_a_held_line_that_was_saved_waits_on(tmp_path, monkeypatch):
    """Saved at the end for the next process, it still waits here: its folder is not removed, and a shipper that goes on delivers it."""
    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "_create", refuse)
        spool = Spool(tmp_path / "db", 2**20)
        assert spool.events.append(b"finish\n")
        spool.seal()
        spool.secure()
    assert not spool.events.is_empty()
    assert spool.events.count_waiting() == 1
    assert spool.events.count_in_memory() == 0
    block = spool.events.read(100)
    assert block.data == b"finish\n"
    spool.events.acknowledge(block.end)
    spool.close(remove=spool.events.is_empty() and spool.entries.is_empty())
    assert list((tmp_path / "db").iterdir()) == []


@pytest.mark.guarantee("order", "true-run")
def test_held_lines_keep_their_order_over_threads():
    """While one thread writes the first line another does not write the second before it."""
    held, written = HeldLines(), []

    def write(line):
        if not written:
            other = threading.Thread(target=held.release, args=[written.append])
            other.start()
            other.join()
        written.append(line)
        return True

    for line in (b"start\n", b"finish\n"):
        held.add(line)
    held.release(write)
    assert written == [b"start\n", b"finish\n"]
    assert held.is_settled()


@pytest.mark.guarantee("order", "true-run")
def test_held_lines_stand_before_what_comes_later(row, monkeypatch):
    """As soon as others can write to the new file, the held lines are in it already."""
    put_in_place_of = Descriptor.put_in_place_of

    def put_and_log(file, other):
        put_in_place_of(file, other)
        monkeypatch.undo()
        row.writer._let_through()
        assert row.append(b"later\n")

    monkeypatch.setattr(Descriptor, "put_in_place_of", put_and_log)
    row.writer.check()
    assert row.read(100).data == b"line\nlater\n"


@pytest.mark.guarantee("order", "true-run")
def test_what_comes_later_waits_for_a_held_line(tmp_path, monkeypatch):
    """A file that takes lines again takes the held one first, also from who only appends."""
    row = Row(tmp_path, "logs", ".copy", 2**20)
    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "_create", refuse)
        patch.setattr(SegmentWriter, "_write", lambda *_: 0)
        row.writer._fd = -1
        assert row.append(b"start\n")
        assert len(row.writer.held) == 1
    assert row.append(b"finish\n")
    assert not row.writer.held
    row.append(b"more\n")
    assert row.read(100).data == b"start\nfinish\nmore\n"
    assert row.writer.lines_written == 3
    row.abandon()


def test_a_line_on_its_way_is_not_settled():
    """Neither held any more nor written yet: whoever looks then must wait."""
    held, seen = HeldLines(), []

    def write(_):
        seen.append(held.is_settled())
        return True

    held.add(b"line\n")
    assert not held.is_settled()
    held.release(write)
    assert seen == [False]
    assert held.is_settled()
