"""One file of a spool: its number, its descriptor for reading, and who is writing to it now.

Also here: whose turn it is to make the next one. How lines come into it is the subject of
``writer``. Any thread; waits for no lock.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SETTLED_AFTER_SECONDS = 10.0
_LONGEST_TURN_SECONDS = 10.0
_LONGEST_OWN_TURN_SECONDS = 0.2


class Segment:
    """One file: its number, its own descriptor for reading, and who is writing to it now."""

    __slots__ = (
        "ended", "in_memory", "left_at", "left_bytes", "number", "path", "read_fd", "started"
    )  # fmt: skip

    def __init__(self, number: int, path: Path | None, read_fd: int) -> None:
        self.number = number
        self.path = path
        self.read_fd = read_fd
        self.in_memory = path is None
        self.started = itertools.count()
        self.ended = itertools.count()
        self.left_at: float | None = None
        self.left_bytes = 0
        """What it held when it was left; kept, for the descriptor may be closed at any moment."""

    def is_settled(self) -> bool:
        """Tell whether nothing can be written to this file any more."""
        if self.left_at is None:
            return False
        # An exception thrown into a thread between counting in and out would keep them apart
        # forever; no write to a local file takes this long.
        late = time.monotonic() - self.left_at > _SETTLED_AFTER_SECONDS
        return late or counted(self.started) == counted(self.ended)

    def size(self) -> int:
        """Return how many bytes the file holds."""
        return os.fstat(self.read_fd).st_size


class Turns:
    """Lets one thread at a time put the next file in place, and nobody wait for it."""

    __slots__ = ("_by", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._by = (0, 0.0)

    def take(self) -> threading.Lock | None:
        """Return the lock, taken; None when another has it."""
        lock, now, thread = self.lock, time.monotonic(), threading.get_ident()
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
