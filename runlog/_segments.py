"""Numbered append-only files: the way into the spool, on the caller's thread.

``SegmentWriter`` appends with one ``os.write`` to an O_APPEND file: no lock, no queue, nothing to
wait for. What was delivered and what was not is the subject of ``_backlog``.

Why no lock is needed, and no line can be lost between two files:

* All writers use one file descriptor number for life. ``dup2`` puts the next file behind it in one
  step, so a write lands whole in the old file or whole in the new one.
* A writer counts itself in (``started``) on the segment it saw *before* it uses the descriptor, and
  out (``ended``) after. Once the next file is behind the descriptor, a segment with
  ``started == ended`` can grow no more: who counts in later writes to the new file.
* Counting is ``next()`` of ``itertools.count``: atomic in CPython, and safe in a signal handler.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from typing import TYPE_CHECKING

from . import _memory
from ._copy_text import CANCEL
from ._segment import counted, doubled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ._segment import Segment

_MEMORY_SHARE = 4
"""So many times the size of a file may stand in memory."""
_MEMORY_SEGMENTS_MAX = 32
"""In so many pieces: the share that is taken is looked at after each."""
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)


class SegmentWriter:
    """Appends lines to ``<stem>-000001<suffix>``, then ``-000002`` and so on.

    Thread-safe, safe in signal handlers, and never blocks on another thread. With ``folder=None``,
    or when the disk refuses, lines go to anonymous memory, of which there is as much as four files
    hold; ``on_full``'s owner has to stop the flow before (``memory_share``).
    """

    def __init__(
        self,
        folder: Path | None,
        stem: str,
        suffix: str,
        segment_bytes: int,
        on_full: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_full = on_full
        self._folder = folder
        self._name = f"{stem}-%06d{suffix}"
        self._segment_bytes = segment_bytes
        self._segments: dict[int, Segment] = {}
        self._rotation = threading.Lock()
        self._filled = 0
        self._left_bytes = 0
        self._refused = itertools.count()
        self._lines_dropped = 0
        self.is_sealed = False
        self._segment, self._fd = self._create(1)
        self._segments[1] = self._segment
        self._room = self._room_in(self._segment)

    def append(self, line: bytes) -> bool:
        """Write one whole line; False if neither disk nor memory took it, or after ``seal``."""
        segment = self._segment
        next(segment.started)
        try:
            written = os.write(self._fd, line)
        except OSError:
            written = 0
        finally:
            next(segment.ended)
        if written != len(line):
            return self._append_elsewhere(line, torn=written > 0)
        # Not atomic over threads: a lost addition only makes the file a little longer.
        self._filled += written
        if self._filled >= self._room:
            self.rotate()
            self._on_full()
        return True

    def _write(self, line: bytes) -> int:
        """Do the same as ``append`` for what comes in its stead: a call less for every entry."""
        segment = self._segment
        next(segment.started)
        try:
            return os.write(self._fd, line)
        except OSError:
            return 0
        finally:
            next(segment.ended)

    def _append_elsewhere(self, line: bytes, *, torn: bool) -> bool:
        """Take a line that the disk refused (full, gone, quota) into memory."""
        next(self._refused)
        if self.is_sealed:
            return False
        if torn:
            next(self._refused)
            self._write(CANCEL)
        if not self._segment.in_memory and not self.rotate(to_memory=True):
            return False
        if self._write(line) == len(line):
            self._filled += len(line)
            return True
        next(self._refused)
        return False

    def rotate(self, *, to_memory: bool = False) -> bool:
        """Put a new file behind the descriptor; False if there is none or others do it."""
        # Not blocking: whoever finds the lock taken writes on into the old file.
        if not self._rotation.acquire(blocking=False):
            return False
        try:
            if self.is_sealed:
                return False
            old = self._segment
            new, fd = self._create(old.number + 1, to_memory=to_memory)
            self._segments[new.number] = new
            os.dup2(fd, self._fd, inheritable=False)
            os.close(fd)
            # After dup2, never before: a writer that counts in on the new segment must write to it.
            self._segment = new
            self._room = self._room_in(new)
            self._filled = 0
            old.left_at = time.monotonic()
            self._left_bytes += old.size()
        except OSError:
            return False
        else:
            return True
        finally:
            self._rotation.release()

    def _create(self, number: int, *, to_memory: bool = False) -> tuple[Segment, int]:
        if self._folder is not None and not to_memory:
            path = self._folder / (self._name % number)
            with contextlib.suppress(OSError):
                return doubled(number, path, os.open(path, _FLAGS, 0o600))
        if sum(segment.in_memory for segment in self._segments.values()) >= _MEMORY_SEGMENTS_MAX:
            raise OSError("the memory for entries is full")
        return doubled(number, None, _memory.anonymous_file())

    def _room_in(self, segment: Segment) -> int:
        parts = _MEMORY_SEGMENTS_MAX // _MEMORY_SHARE if segment.in_memory else 1
        return self._segment_bytes // parts

    def leave_memory(self) -> None:
        """Go back to files: the current segment at the next line, settled ones as they are."""
        if self._folder is None:
            return
        if self._segment.in_memory and self._filled:
            self.rotate()
        self._save_memory(self._folder)

    def _save_memory(self, folder: Path) -> None:
        for segment in list(self._segments.values()):
            is_ready = segment.in_memory and segment.is_settled()
            if is_ready and not _memory.save(segment, folder / (self._name % segment.number)):
                return

    def move_to(self, folder: Path) -> None:
        """Write to ``folder`` from now on; the one before was removed, with every name in it."""
        self._folder = folder
        for segment in list(self._segments.values()):
            segment.path, segment.in_memory = None, True
        self.rotate()
        self._save_memory(folder)

    @property
    def is_on_disk(self) -> bool:
        """Tell whether the current segment is a file that survives the process."""
        return not self._segment.in_memory

    @property
    def memory_share(self) -> float:
        """Memory taken of what is set aside for when the disk refuses; over 1 it is full."""
        held = sum(segment.size() for segment in list(self._segments.values()) if segment.in_memory)
        return held / (_MEMORY_SHARE * self._segment_bytes)

    def count_in_memory(self, first: int) -> int:
        """Count the lines that no file holds, from segment ``first`` on."""
        held = [it for number, it in self._segments.items() if number >= first and it.in_memory]
        return sum(_memory.count_lines(segment) for segment in held)

    @property
    def lines_written(self) -> int:
        """Lines that ``append`` has taken since the start."""
        held = sum(counted(segment.ended) for segment in list(self._segments.values()))
        return self._lines_dropped + held - counted(self._refused)

    @property
    def bytes_held(self) -> int:
        """Bytes in all segments not yet dropped; the current one approximately."""
        return self._left_bytes + self._filled

    def seal(self) -> None:
        """Let no further line in; ``append`` returns False from now on."""
        with self._rotation:
            if self.is_sealed:
                return
            self.is_sealed = True
            fd, self._fd = self._fd, -1
            # Without a free descriptor a line that is on its way just gets in.
            with contextlib.suppress(OSError):
                closed = os.open(os.devnull, os.O_RDONLY)
                os.dup2(closed, fd, inheritable=False)
                os.close(closed)
            self._segment.left_at = time.monotonic()
            # Who has counted in may still hold the number: closing it before they are out could
            # send their line into a file of the program that got the same number.
            while not self._segment.is_settled():
                time.sleep(0.001)
            os.close(fd)

    def abandon(self) -> None:
        """Close every descriptor and leave the files: at the end, or to the parent after a fork."""
        self.is_sealed = True
        fd, self._fd = self._fd, -1
        self._lines_dropped, segments = self.lines_written, self._segments
        self._segments, self._refused = {}, itertools.count()
        for number in {fd, *(segment.read_fd for segment in segments.values())}:
            with contextlib.suppress(OSError):
                os.close(number)

    def first(self) -> int:
        """Return the lowest number still held."""
        return min(self._segments, default=self._segment.number)

    def last(self) -> int:
        """Return the number of the current segment."""
        return self._segment.number

    def fd(self, number: int) -> int | None:
        """Return the descriptor to read segment ``number`` from, None if it is not held."""
        segment = self._segments.get(number)
        return segment.read_fd if segment else None

    def is_settled(self, number: int) -> bool:
        """Tell whether segment ``number`` can grow no more."""
        segment = self._segments.get(number)
        return segment is None or segment.is_settled()

    def drop(self, number: int) -> None:
        """Forget segment ``number`` and unlink its file."""
        segment = self._segments.pop(number, None)
        if segment is None:
            return
        self._lines_dropped += counted(segment.ended)
        if segment is not self._segment:
            self._left_bytes -= segment.size()
        os.close(segment.read_fd)
        if segment.path is not None:
            with contextlib.suppress(OSError):
                segment.path.unlink()
