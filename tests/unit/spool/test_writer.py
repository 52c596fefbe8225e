"""The append-only files: no line lost or glued, whatever happens around the write."""

from __future__ import annotations

import errno
import itertools
import os
import threading

import pytest

from runlog._spool import writer as _segments
from runlog._spool.backlog import Backlog, Position, _ack
from runlog._spool.orphan import StoredSegments
from runlog._spool.writer import SegmentWriter


@pytest.fixture
def writer(tmp_path):
    writer = SegmentWriter(tmp_path, "logs", ".copy", segment_bytes=2**14)
    yield writer
    writer.seal()
    writer.abandon()


def lines_of(source, ack_path=None):
    """Every line that a backlog over ``source`` hands out, acknowledged block by block."""
    backlog = Backlog(source, ack_path, torn_lines_count=True)
    lines = []
    while block := backlog.read(2**12):
        lines += block.data.splitlines()
        backlog.acknowledge(block.end)
    backlog.close()
    return lines


@pytest.mark.guarantee("order")
def test_lines_come_out_in_the_order_they_went_in(writer):
    """What one thread appends is read in the same order, over several files."""
    sent = [b"line %06d" % n for n in range(5000)]
    assert all(writer.append(line + b"\n") for line in sent)
    assert writer.files.last() > 3
    assert lines_of(writer.files) == sent
    assert writer.lines_written == 5000


def test_finished_files_are_unlinked_when_acknowledged(writer, tmp_path):
    """Only the current file stays once everything before it is acknowledged."""
    for n in range(5000):
        writer.append(b"line %06d\n" % n)
    lines_of(writer.files)
    assert [path.name for path in tmp_path.iterdir()] == [f"logs-{writer.files.last():06d}.copy"]


@pytest.mark.guarantee("fork-threads", "conservation")
def test_no_line_is_lost_or_torn_when_threads_rotate(writer):
    """Eight threads over dozens of rotations: every line whole, each thread's in order."""
    start = threading.Barrier(8)

    def write(thread):
        start.wait()
        for n in range(3000):
            assert writer.append(b"%d %06d %s\n" % (thread, n, b"x" * (n % 50)))

    threads = [threading.Thread(target=write, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    seen = []
    backlog = Backlog(writer.files, None, torn_lines_count=False)
    while any(thread.is_alive() for thread in threads) or not backlog.is_empty():
        if block := backlog.read(2**13):
            seen += block.data.splitlines()
            backlog.acknowledge(block.end)
    for thread in threads:
        thread.join()
    by_thread = {
        t: [int(line.split()[1]) for line in seen if line[:2] == b"%d " % t] for t in range(8)
    }
    assert by_thread == {t: list(range(3000)) for t in range(8)}
    assert writer.lines_written == 24_000


@pytest.mark.guarantee("disk")
def test_a_full_disk_sends_lines_to_memory(writer, monkeypatch):
    """When the disk refuses a line it is kept in memory, and read from there."""
    writer.append(b"on disk\n")
    real_write, real_open, full = os.write, os.open, OSError(errno.ENOSPC, "full")
    disk_fd = writer._fd
    refused = []

    def refuse_disk(fd, data):
        if fd == disk_fd and writer.is_on_disk:
            refused.append(data)
            raise full
        return real_write(fd, data)

    monkeypatch.setattr(_segments.os, "write", refuse_disk)
    assert writer.append(b"in memory\n")
    monkeypatch.setattr(_segments.os, "write", real_write)
    assert refused == [b"in memory\n"] * 2
    assert not writer.is_on_disk
    writer.leave_memory()
    writer.append(b"on disk again\n")
    assert real_open is os.open
    assert writer.is_on_disk
    assert lines_of(writer.files) == [b"on disk", b"in memory", b"on disk again"]
    assert writer.lines_written == 3


@pytest.mark.guarantee("disk", "survives-death")
@pytest.mark.parametrize("number", [errno.EIO, errno.EFBIG, errno.ESTALE, errno.EINTR])
def test_what_one_file_refuses_another_takes(writer, monkeypatch, number):
    """A write that fails once costs no line its place on the disk: memory would go with the process."""
    real_write, failures = os.write, [OSError(number, os.strerror(number))]

    def refuse_once(fd, data):
        if failures:
            raise failures.pop()
        return real_write(fd, data)

    monkeypatch.setattr(_segments.os, "write", refuse_once)
    assert writer.append(b"one\n")
    assert writer.append(b"two\n")
    assert not failures
    assert writer.is_on_disk
    assert [segment.in_memory for segment in writer.files.all()] == [False, False]
    assert lines_of(writer.files) == [b"one", b"two"]


@pytest.mark.guarantee("disk")
def test_a_line_written_in_part_is_cancelled_and_written_again(writer, monkeypatch):
    """A short write leaves a line that readers skip, and the entry itself is whole elsewhere."""
    real_write = os.write
    short = [True]

    def write_half(fd, data):
        if short.pop() if short else False:
            return real_write(fd, data[: len(data) // 2])
        return real_write(fd, data)

    monkeypatch.setattr(_segments.os, "write", write_half)
    assert writer.append(b"whole line\n")
    lines = lines_of(writer.files)
    assert [line for line in lines if not line.endswith(b"\x18")] == [b"whole line"]
    assert writer.lines_written == 1


@pytest.mark.guarantee("disk", "fork-threads")
def test_nothing_is_written_behind_a_line_that_could_not_be_cancelled(writer, monkeypatch):
    """Disk full in the middle of a line while another thread makes the next file: no line runs into it when there is room again."""
    real_write, room = os.write, [3, 0, 0, 0, 0, 0]

    def write_what_fits(fd, data):
        fits = room.pop(0) if room else len(data)
        if not fits:
            raise OSError(errno.ENOSPC, "full")
        return real_write(fd, data[:fits])

    assert writer.append(b"first\n")
    monkeypatch.setattr(_segments.os, "write", write_what_fits)
    with writer._turns.lock:
        assert writer.append(b"torn at first\n")
        assert room, "the line was held, not put behind what stands of it"
        room.clear()
        assert writer.append(b"second\n")
    assert writer.append(b"third\n")
    lines = [line for line in lines_of(writer.files) if not line.endswith(b"\x18")]
    assert lines == [b"first", b"torn at first", b"second", b"third"]
    assert writer.lines_written == 4


@pytest.mark.guarantee("disk", "bounded")
def test_memory_is_full_by_and_by_however_often_it_is_left(writer, monkeypatch):
    """A disk that seems to take entries again and does not: memory fills in small steps, none beyond it, and the program keeps its descriptors."""
    real_write, steps = os.write, [0.0]

    def refuse_disk(fd, data):
        if writer.is_on_disk:
            raise OSError(errno.ENOSPC, "full")
        return real_write(fd, data)

    monkeypatch.setattr(_segments.os, "write", refuse_disk)
    while writer.append(b"x" * 1000 + b"\n"):
        steps.append(writer.memory_share)
        writer.leave_memory()
    assert max(after - before for before, after in itertools.pairwise(steps)) < 0.05
    assert steps[-1] >= 1
    assert len(writer.files.all()) < 200


@pytest.mark.guarantee("never-raises")
def test_nothing_gets_in_after_sealing(writer, tmp_path):
    """A sealed writer refuses, and its descriptor number is not written to again."""
    writer.append(b"before\n")
    number = writer._fd
    writer.seal()
    opened = os.open(tmp_path / "of the program", os.O_WRONLY | os.O_CREAT)
    os.dup2(opened, number)
    assert not writer.append(b"after\n")
    os.close(opened)
    os.close(number)
    assert (tmp_path / "of the program").read_bytes() == b""
    assert lines_of(writer.files) == [b"before"]


@pytest.mark.guarantee("disk", "survives-death")
def test_a_dead_processs_files_are_read_with_their_torn_tail(tmp_path):
    """What a process left is read from the acknowledged place on; its torn last line as a line."""
    (tmp_path / "logs-000002.copy").write_bytes(b"old\nkept one\n")
    (tmp_path / "logs-000003.copy").write_bytes(b"kept two\ntor")
    (tmp_path / "logs.ack").write_bytes(_ack(Position(2, 4)))
    source = StoredSegments(tmp_path, "logs", ".copy")
    assert lines_of(source, tmp_path / "logs.ack") == [b"kept one", b"kept two", b"tor"]
    source.close()


@pytest.mark.guarantee("disk")
def test_what_is_torn_before_another_file_is_no_line(tmp_path):
    """A dead process went on in another file, and wrote the line once more there: nothing is damaged."""
    (tmp_path / "logs-000001.copy").write_bytes(b"one\ntw")
    (tmp_path / "logs-000002.copy").write_bytes(b"two\nthr")
    (tmp_path / "logs-000003.copy").write_bytes(b"")
    (tmp_path / "logs-000004.copy").write_bytes(b"three\n")
    assert lines_of(StoredSegments(tmp_path, "logs", ".copy")) == [b"one", b"two", b"three"]


@pytest.mark.guarantee("disk")
@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"000009 000000000000000\n", b"000002 000000000009999\n"]
)
def test_a_damaged_position_means_everything_again(tmp_path, content):
    """A position that does not fit the files is no reason to skip a line."""
    (tmp_path / "logs-000002.copy").write_bytes(b"one\ntwo\n")
    (tmp_path / "logs.ack").write_bytes(content)
    source = StoredSegments(tmp_path, "logs", ".copy")
    assert lines_of(source, tmp_path / "logs.ack") == [b"one", b"two"]
    source.close()


def test_a_line_longer_than_the_block_is_read_whole(writer):
    """The size of a block is a wish: a longer line comes whole."""
    writer.append(b"x" * 10_000 + b"\n")
    backlog = Backlog(writer.files, None, torn_lines_count=False)
    assert backlog.read(100).data == b"x" * 10_000 + b"\n"


def test_a_small_rest_comes_along_with_the_block(writer):
    """A block is as long as was asked for, or half as much again where nothing else is left."""
    backlog = Backlog(writer.files, None, torn_lines_count=False)
    for n in range(250):
        writer.append(b"line %04d\n" % n)
    lengths = []
    while block := backlog.read(1000):
        lengths.append(len(block.data))
        backlog.acknowledge(block.end)
    assert lengths == [1000, 1500]


def test_a_line_under_way_lies_behind_the_end(writer):
    """The end is that of the last whole line, however long the beginning of the next one is."""
    backlog = Backlog(writer.files, None, torn_lines_count=False)
    writer._write(b"half of the first")
    assert backlog.end() == backlog.position
    writer._write(b"\n")
    end = backlog.end()
    assert end == Position(1, len(b"half of the first\n"))
    writer._write(b"x" * 10_000)
    assert backlog.end() == backlog.read(100).end == end


def test_the_end_is_not_in_a_file_without_a_line(writer):
    """As long as the newest file holds no line, everything ends in the one before."""
    backlog = Backlog(writer.files, None, torn_lines_count=False)
    writer.append(b"line\n")
    writer.rotate()
    assert backlog.end() == Position(1, 5)
    writer.append(b"another\n")
    assert backlog.end() == Position(2, 8)


def test_only_entries_are_counted(writer):
    """Blank and cancelled lines do not count, wherever they stand."""
    for line in (b"\n", b"one\n", b"\n", b"torn\x18\n", b"\x18\n", b"two\x18 of it\n", b"\n"):
        writer.append(line)
    assert Backlog(writer.files, None, torn_lines_count=False).count_waiting() == 2
