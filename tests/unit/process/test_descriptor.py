"""A descriptor is the spool's only while it is the same file; what it has become is left alone."""

from __future__ import annotations

import os
import threading

import pytest

from runlog._process.descriptor import read_at
from runlog._spool import folders, memory
from runlog._spool.orphan import StoredSegments
from runlog._spool.row import Row
from runlog._spool.spool import Spool

INFO = 20


@pytest.fixture
def files(tmp_path):
    """Opens files of the program's own, each with its own content."""
    opened = []

    def open_file(name="theirs", number=None):
        fd = os.open(tmp_path / name, os.O_RDWR | os.O_CREAT)
        if number is not None:
            os.dup2(fd, number)
            os.close(fd)
            fd = number
        os.write(fd, b"theirs\n")
        opened.append((fd, os.fstat(fd).st_ino))
        return fd

    yield open_file
    for fd, inode in opened:
        assert os.fstat(fd).st_ino == inode, "closed or replaced"
        assert os.pread(fd, 100, 0) == b"theirs\n"
        os.close(fd)


def numbers_of(spool):
    """Every descriptor that a spool keeps."""
    kept = [spool._lock.number]
    for row in (spool.entries, spool.events):
        kept += [row.writer._end.number, row._ack.number]
        kept += [segment.file.number for segment in row.writer.files.all()]
    return kept


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "db", 2**24)
    spool.append(b"one\n", INFO, "run")
    yield spool
    spool.close(remove=True)


def test_every_descriptor_is_out_of_the_way(spool):
    """None is a standard one, and none is a number that the system gives out next."""
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    assert len(numbers_of(spool)) == 7
    assert min(numbers_of(spool)) > lowest + 200


@pytest.mark.guarantee("never-raises")
def test_what_became_another_file_is_never_touched(spool, files):
    """Closed by a library and given to files of the program: these stay whole and open."""
    for index, number in enumerate(numbers_of(spool)):
        os.close(number)
        files(f"file-{index}", number)
    spool.touch()
    spool.events.acknowledge(spool.events.position)
    spool.entries.acknowledge(spool.entries.position)
    spool.seal()


@pytest.mark.guarantee("conservation")
def test_nothing_on_disk_is_lost_with_its_descriptors(spool):
    """What was written before is read from the file's name, what comes after from the next file."""
    for number in numbers_of(spool):
        os.close(number)
    assert spool.append(b"two\n", INFO, "run")
    spool.touch()
    assert spool.append(b"three\n", INFO, "run")
    lines = []
    while block := spool.entries.read(2**16):
        lines += block.data.splitlines()
        spool.entries.acknowledge(block.end)
    assert lines == [b"one", b"two", b"three"]
    assert spool.entries_lost == 0


@pytest.mark.guarantee("survives-death")
def test_a_lock_that_was_closed_is_taken_again(spool):
    """Nobody adopts a living spool, but for the moment until the next look."""
    os.close(spool._lock.number)
    spool.touch()
    assert folders.adopt(spool.folder) is None


@pytest.mark.guarantee("survives-death")
def test_a_spool_that_another_took_meanwhile_goes_elsewhere(spool, files):
    """Where another process was quicker with the lock, what waits is copied to a new folder."""
    before = spool.folder
    files("theirs", spool._lock.number)
    taken = folders.adopt(before)
    spool.touch()
    assert spool.folder != before
    assert spool.entries.read(100).data == b"one\n"
    assert (spool.folder / "logs-000001.copy").read_bytes() == b"one\n"
    folders.remove(before, taken)
    taken.close()


@pytest.mark.guarantee("conservation")
def test_memory_that_was_closed_is_counted():
    """What stood in memory alone, and was closed, is lost: counted, and told."""
    row = Row(None, "logs", ".copy", 2**20)
    for _ in range(10):
        row.append(b"line\n")
    (segment,) = row.writer.files.all()
    os.close(segment.file.number)
    os.close(row.writer._end.number)
    assert row.append(b"after\n")
    assert row.count_waiting() == 1
    assert row.count_lost() == 10
    row.acknowledge(row.read(100).end)
    assert row.count_lost() == 10
    row.abandon()


@pytest.mark.guarantee("conservation", "fork-threads")
def test_threads_do_not_write_over_one_another_in_memory():
    """Eight threads, lines of all lengths, no folder: each line is there, whole."""
    row = Row(None, "logs", ".copy", 2**26)
    start = threading.Barrier(8)

    def write(thread):
        start.wait()
        for n in range(2000):
            assert row.append(b"%d %06d %s\n" % (thread, n, b"x" * (n * 7 % 300)))

    threads = [threading.Thread(target=write, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = []
    while block := row.read(2**20):
        seen += block.data.splitlines()
        row.acknowledge(block.end)
    assert sorted(seen) == sorted(
        b"%d %06d %s" % (t, n, b"x" * (n * 7 % 300)) for t in range(8) for n in range(2000)
    )
    row.abandon()


def test_two_descriptors_of_the_same_memory_append():
    """Each write lands behind the last one, through whichever number."""
    first = memory.anonymous_file()
    second = first.duplicate()
    for each in (first, second, first):
        os.write(each.number, b"ab")
    assert read_at(first.number, 100, 0) == b"ababab"
    first.close()
    second.close()


def test_a_file_of_the_dead_is_opened_anew(tmp_path, files):
    """Also the files of an orphan are looked at before they are read."""
    (tmp_path / "logs-000001.copy").write_bytes(b"ours\n")
    source = StoredSegments(tmp_path, "logs", ".copy")
    number = source.fd(1)
    os.close(number)
    files("theirs", number)
    assert os.pread(source.fd(1), 100, 0) == b"ours\n"
    source.close()


def test_a_short_read_is_not_the_end(monkeypatch):
    """The kernel may give less than was asked for; the rest is asked for again."""
    file = memory.anonymous_file()
    os.write(file.number, b"0123456789")
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, offset: pread(fd, (size + 1) // 2, offset))
    assert read_at(file.number, 10, 0) == b"0123456789"
    assert read_at(file.number, 100, 4) == b"456789"
    file.close()


def test_a_descriptor_is_closed_once(files):
    """Closing again closes nothing, whoever has the number by now."""
    file = memory.anonymous_file()
    number = file.number
    file.close()
    files("theirs", number)
    file.close()
