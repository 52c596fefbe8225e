"""One file of a spool: its number, how it is read, and who is writing to it now.

Also here: whose turn it is to make the next one. How lines come into it is the subject of
``writer``. Any thread; waits for no lock.
"""

from __future__ import annotations

import itertools
import os
import threading
from typing import TYPE_CHECKING

from runlog._process import clock
from runlog._process.descriptor import Descriptor, reopen
from runlog._process.interrupts import is_interrupt
from runlog._spool.torn import WholeLines

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)

_SETTLED_AFTER_SECONDS = 10.0
_LONGEST_TURN_SECONDS = 10.0
_LONGEST_OWN_TURN_SECONDS = 0.2


class Segment(WholeLines):
    """One file: its number, its own descriptor for reading, and who is writing to it now.

    ``put`` is for whoever alone writes to it.
    """

    __slots__ = (
        "ended", "file", "filled", "first_line", "in_memory", "is_lost", "left_at", "left_line",
        "number", "path", "started",
    )  # fmt: skip

    def __init__(self, number: int, path: Path | None, file: Descriptor) -> None:
        super().__init__()
        self.number = number
        self.path = path
        self.file = file
        self.in_memory = path is None
        self.is_lost = False
        """Its descriptor was closed by somebody, and no name leads to it."""
        self.started = itertools.count()
        self.ended = itertools.count()
        self.first_line = 0
        self.left_line = 0
        """How many lines there were in all when it was begun, and when it was left."""
        self.left_at: float | None = None
        self.filled = 0
        """Bytes in it, approximately; kept, for the descriptor may be closed at any moment."""

    def is_settled(self) -> bool:
        """Tell whether nothing can be written to this file any more."""
        if self.left_at is None:
            return False
        # An exception thrown into a thread between counting in and out would keep them apart
        # forever; no write to a local file takes this long.
        late = clock.monotonic() - self.left_at > _SETTLED_AFTER_SECONDS
        return late or counted(self.started) == counted(self.ended)

    def _write(self, data: bytes) -> int:
        try:
            written = os.write(self.file.number, data)
        except OSError as error:
            if is_interrupt(error):
                raise
            return 0
        self.filled += written
        return written

    def fd(self) -> int | None:
        """Return the number to read from, opened anew where it is another file by now.

        None when no way leads to the file any more: ``is_lost``.

        Raises:
            OSError: it cannot be opened now.
        """
        if self.file.is_ours():
            return self.file.number
        if self.path is not None and (again := reopen(self.path, self.file.file)):
            self.file = again
            return again.number
        self.is_lost = True
        return None


def new_file(path: Path) -> Descriptor:
    """Make the file ``path``, to append to and to read.

    Raises:
        OSError: the disk takes none.
    """
    try:
        return Descriptor(os.open(path, _FLAGS, 0o600))
    except FileExistsError:
        # Left there by a rotation that Ctrl-C interrupted before anything was written.
        path.unlink()
        return Descriptor(os.open(path, _FLAGS, 0o600))


def left_file(number: int, path: Path, line: int) -> Segment:
    """Return the segment of a file that was written whole, up to the line of that number.

    Raises:
        OSError: it cannot be opened.
    """
    segment = Segment(number, path, Descriptor(os.open(path, _FLAGS & ~(os.O_CREAT | os.O_EXCL))))
    segment.filled = os.fstat(segment.file.number).st_size
    segment.first_line = segment.left_line = line
    segment.left_at = clock.monotonic()
    return segment


class Turns:
    """Lets one thread at a time put the next file in place, and nobody wait for it."""

    __slots__ = ("_by", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._by = (0, 0.0)

    def take(self) -> threading.Lock | None:
        """Return the lock, taken; None when another has it."""
        lock, now, thread = self.lock, clock.monotonic(), threading.get_ident()
        if lock.acquire(blocking=False):
            self._by = (thread, now)
            return lock
        by, since = self._by
        if now - since > (_LONGEST_OWN_TURN_SECONDS if by == thread else _LONGEST_TURN_SECONDS):
            # Taken for ever: Ctrl-C came after ``acquire`` and before its owner's ``try``.
            self.lock = threading.Lock()
        return None


def counted(counter: itertools.count[int]) -> int:
    """Return what ``counter`` stands at."""
    # repr is the one way to look at a count without advancing it that does not go through pickle,
    # which itertools drops in Python 3.14.
    return int(repr(counter)[6:-1])
