"""What of a spool's files is not acknowledged yet: read it, acknowledge it, count it.

One reader at a time (the shipper holds the lock). A block is read from the acknowledged position
and stays there until ``acknowledge``: a crash in between reads it again, and the database makes of
the second delivery nothing (``on conflict do nothing``).
"""

from __future__ import annotations

import contextlib
import os
import zlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

from runlog._entry.copy_text import CANCEL
from runlog._process.descriptor import Descriptor, read_at

if TYPE_CHECKING:
    from pathlib import Path


_LINE_BYTES = 2**12
"""Longer than nearly every line."""
_ACK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_UNKNOWN_END = 2**62
"""Behind whatever a file may hold."""


class UnreadableError(OSError):
    """What waits cannot be read now; it stays where it is, and is tried again."""


class Source(Protocol):
    """``LivingSegments`` and ``StoredSegments``."""

    def first(self) -> int: ...
    def last(self) -> int: ...
    def fd(self, number: int) -> int | None: ...
    def is_settled(self, number: int) -> bool: ...
    def drop(self, number: int) -> None: ...


class Position(NamedTuple):
    """A place between two lines: segment number and byte offset."""

    segment: int
    offset: int


class Block(NamedTuple):
    """Whole lines, and where the next block begins."""

    data: bytes
    end: Position


class Backlog:
    """The lines of ``source`` from the acknowledged position on."""

    def __init__(self, source: Source, ack_path: Path | None, *, torn_lines_count: bool) -> None:
        """Start at the position that ``ack_path`` holds; at the first line when it holds none.

        Args:
            source: the files.
            ack_path: where the position is kept; None keeps it in memory only.
            torn_lines_count: a line without its newline at the end of the last file is handed out
                (a process died in the middle of it) or left out (this one wrote it elsewhere).
        """
        self._source = source
        self._torn_lines_count = torn_lines_count
        self._ack_path = ack_path
        self._ack = _open_ack(ack_path)
        try:
            self.position = self._checked(_read_ack(self._ack))
        except OSError:
            self.close()
            raise

    def _checked(self, position: Position) -> Position:
        """Return ``position``, or the first line when the files do not fit it (damaged, copied)."""
        start = Position(self._source.first(), 0)
        if position.segment > self._source.last() or position < start:
            return start
        fd = self._source.fd(position.segment)
        return position if fd is not None and position.offset <= os.fstat(fd).st_size else start

    def read(self, limit: int, start: Position | None = None) -> Block | None:
        """Return the next whole lines, about ``limit`` bytes, or None when nothing waits.

        Reads from the acknowledged position, or from ``start``. Half as much again where nothing
        else is left of the file: a small rest would cost as much as a whole block.

        Raises:
            UnreadableError: the files cannot be read now.
        """
        try:
            return self._read(limit, start or self.position)
        except OSError as error:
            raise UnreadableError(error.errno, error.strerror, self._place()) from error

    def _place(self) -> str:
        return str(self._ack_path.parent) if self._ack_path is not None else "memory"

    def _read(self, limit: int, place: Position) -> Block | None:
        while True:
            fd = self._source.fd(place.segment)
            place = _at_a_line(fd, place)
            # Asked before reading: what is written between the two must be seen by this read.
            settled = self._source.is_settled(place.segment)
            left = _size(fd) - place.offset
            wanted = left if left <= limit + limit // 2 else limit
            data = read_at(fd, wanted, place.offset) if fd is not None else b""
            whole = data.rfind(b"\n") + 1
            if whole:
                return Block(data[:whole], Position(place.segment, place.offset + whole))
            if wanted < left:
                limit *= 2
                continue
            if not settled or place.segment >= self._source.last():
                return self._torn(data, place) if settled else None
            # What stands torn before another file was written once more there: the disk was full.
            place = Position(place.segment + 1, 0)

    def _torn(self, data: bytes, place: Position) -> Block | None:
        if not data or not self._torn_lines_count:
            return None
        end = Position(place.segment, place.offset + len(data))
        return Block(data + b"\n", end)

    def end(self) -> Position:
        """Return the place after the last line that was appended until now; never raises."""
        for number in range(self._source.last(), self._source.first() - 1, -1):
            # Not the beginning of a file without a line: nothing there would ever be acknowledged.
            if whole := self._end_in(number):
                return Position(number, whole)
        return self.position

    def _end_in(self, number: int) -> int:
        try:
            return _end_of_lines(self._source.fd(number))
        except OSError:
            # It cannot be read now: what it holds must not be taken for delivered.
            return _UNKNOWN_END

    def acknowledge(self, end: Position) -> None:
        """Forget everything before ``end``; finished files are unlinked. Never raises."""
        self.position = end
        # A lost position (disk full) costs a second delivery, which changes nothing.
        with contextlib.suppress(OSError):
            if self._ack is not None and not self._ack.is_ours():
                self._ack = _open_ack(self._ack_path)
            if self._ack is not None:
                os.pwrite(self._ack.number, _ack(end), 0)
        for number in range(self._source.first(), end.segment):
            self._source.drop(number)

    def keep_position_in(self, path: Path) -> None:
        """Keep the position in another file from now on: the first was removed."""
        self.close()
        self._ack_path, self._ack = path, _open_ack(path)
        self.acknowledge(self.position)

    def is_empty(self) -> bool:
        """Tell whether no whole line waits at this moment; not while that cannot be read."""
        with contextlib.suppress(UnreadableError):
            return self.read(2**16) is None
        return False

    def count_waiting(self) -> int:
        """Count the lines that wait; reads them, so not for the hot path.

        Raises:
            UnreadableError: they cannot be read now.
        """
        count, place = 0, self.position
        while block := self.read(2**20, place):
            count += count_lines(block.data)
            place = block.end
        return count

    def close(self) -> None:
        """Close the file of the position; also in a forked child."""
        ack, self._ack = self._ack, None
        if ack is not None:
            ack.close()


def count_lines(data: bytes) -> int:
    """Count the lines of a block that are entries: not blank, not cancelled."""
    return len(list_lines(data))


def list_lines(data: bytes) -> list[bytes]:
    """Return the lines of a block without their ends: not blank, not cancelled."""
    return [line for line in data.split(b"\n") if line and not line.endswith(CANCEL[:1])]


def _at_a_line(fd: int | None, place: Position) -> Position:
    """Return ``place``, or its file's beginning when the file was cut or replaced under it."""
    if fd is None or not place.offset or os.pread(fd, 1, place.offset - 1) == b"\n":
        return place
    # Behind a torn last line, which was handed out with a newline of ours, there is nothing.
    is_at_end = place.offset == os.fstat(fd).st_size
    return place if is_at_end else Position(place.segment, 0)


def _size(fd: int | None) -> int:
    return os.fstat(fd).st_size if fd is not None else 0


def _end_of_lines(fd: int | None) -> int:
    """Return the offset behind the last whole line; what follows is being written, or is torn."""
    size, step = _size(fd), _LINE_BYTES
    while fd is not None and size > 0:
        start = max(0, size - step)
        whole = read_at(fd, size - start, start).rfind(b"\n") + 1
        if whole or not start:
            return start + whole if whole else 0
        step *= 8
    return 0


def _ack(position: Position) -> bytes:
    line = b"%06d %015d" % position
    return b"%b %08x\n" % (line, zlib.crc32(line))


def _open_ack(path: Path | None) -> Descriptor | None:
    if path is None:
        return None
    try:
        return Descriptor(os.open(path, _ACK_FLAGS, 0o600))
    except OSError:
        return None


def _read_ack(ack: Descriptor | None) -> Position:
    if ack is None:
        return Position(0, 0)
    try:
        written = read_at(ack.number, 64, 0)
        segment, offset, _ = written.split()
        position = Position(int(segment), int(offset))
        # A flipped bit must not skip a line; one line twice changes nothing.
        return position if written == _ack(position) else Position(0, 0)
    except (OSError, ValueError):
        return Position(0, 0)
