"""Numbered append-only files: the way into the spool, on the caller's thread.

``SegmentWriter`` appends with one ``os.write`` to an O_APPEND file: no lock, no queue, nothing to
wait for. What was delivered and what was not is the subject of ``backlog``.

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
import time
from typing import TYPE_CHECKING

from runlog._entry.copy_text import CANCEL
from runlog._spool import memory
from runlog._spool.segment import Segment, Turns, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LONGEST_SEAL_SECONDS = 1.0
_LONGEST_WRITE_SECONDS = 0.2
_MEMORY_SHARE = 4
"""So many times the size of a file may stand in memory."""
_MEMORY_SEGMENTS_MAX = 32
"""In so many pieces: the share that is taken is looked at after each."""
BLOCK_BYTES = 2**20
"""So much is worth a delivery of its own, before its time."""
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
        self.on_block: Callable[[], None] = lambda: None
        """Called after each ``BLOCK_BYTES``, on the thread that wrote them."""
        self._folder = folder
        self._name = f"{stem}-%06d{suffix}"
        self._segment_bytes = segment_bytes
        self._segments: dict[int, Segment] = {}
        self._turns = Turns()
        self._filled = 0
        self._taken = itertools.count()
        self.is_sealed = False
        self._segment = self._segments[1] = self._create(1)
        self._fd = os.dup(self._segment.read_fd)
        self._room = self._room_in(self._segment)
        self._mark = min(BLOCK_BYTES, self._room)

    def append(self, line: bytes) -> bool:
        """Write one whole line; False if neither disk nor memory took it, or after ``seal``."""
        segment = self._segment
        try:
            # Inside: CPython looks for signals after a call, and Ctrl-C is then counted out again.
            next(segment.started)
            written = os.write(self._fd, line)
        except OSError:
            written = 0
        finally:
            next(segment.ended)
        if written != len(line):
            return self._append_elsewhere(line, torn=written > 0)
        next(self._taken)
        # Not atomic over threads: a lost addition only makes the file a little longer.
        self._filled += written
        if self._filled >= self._mark:
            self._pass_mark()
        return True

    def _pass_mark(self) -> None:
        if self._filled >= self._room:
            self.rotate()
            self._on_full()
        self._mark = min(self._filled + BLOCK_BYTES, self._room)
        self.on_block()

    def _write(self, line: bytes) -> int:
        """Write what is not an entry's first try; ``append`` repeats this to save a call."""
        segment = self._segment
        try:
            next(segment.started)
            return os.write(self._fd, line)
        except OSError:
            return 0
        finally:
            next(segment.ended)

    def _append_elsewhere(self, line: bytes, *, torn: bool) -> bool:
        """Take a line that the disk refused (full, gone, quota) into memory."""
        if self.is_sealed:
            return False
        if torn:
            self._write(CANCEL)
        # Twice where an interrupted rotation has left a next file on that very disk.
        while not self._segment.in_memory:
            if not self.rotate(to_memory=True):
                return False
        if self._write(line) != len(line):
            return False
        next(self._taken)
        self._filled += len(line)
        return True

    def rotate(self, *, to_memory: bool = False) -> bool:
        """Put a new file behind the descriptor; False if there is none or others do it."""
        # Not blocking: whoever finds the lock taken writes on into the old file.
        lock = self._turns.take()
        if lock is None:
            return False
        try:
            if self.is_sealed:
                return False
            old = self._segment
            # There already if a rotation was interrupted by Ctrl-C.
            new = self._segments.get(old.number + 1)
            if new is None:
                new = self._create(old.number + 1, to_memory=to_memory)
                self._segments[new.number] = new
            os.dup2(new.read_fd, self._fd, inheritable=False)
            # After dup2, never before: a writer that counts in on the new segment must write to it.
            # Settled first: where Ctrl-C comes in between, the next line does all this again.
            old.left_at = time.monotonic()
            old.left_bytes = self._filled
            self._segment = new
            self._room = self._room_in(new)
            self._mark = min(BLOCK_BYTES, self._room)
            self._filled = 0
        except OSError:
            return False
        else:
            return True
        finally:
            lock.release()

    def _create(self, number: int, *, to_memory: bool = False) -> Segment:
        if self._folder is not None and not to_memory:
            path = self._folder / (self._name % number)
            with contextlib.suppress(OSError):
                # Left there by a rotation that Ctrl-C interrupted before anything was written.
                path.unlink(missing_ok=True)
                return Segment(number, path, os.open(path, _FLAGS, 0o600))
        if sum(segment.in_memory for segment in self._segments.values()) >= _MEMORY_SEGMENTS_MAX:
            raise OSError("the memory for entries is full")
        return Segment(number, None, memory.anonymous_file())

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
            if is_ready and not memory.save(segment, folder / (self._name % segment.number)):
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
        held = sum(size for segment, size in self._sizes() if segment.in_memory)
        return held / (_MEMORY_SHARE * self._segment_bytes)

    def count_in_memory(self, first: int) -> int:
        """Count the lines that no file holds, from segment ``first`` on."""
        held = [it for number, it in self._segments.items() if number >= first and it.in_memory]
        return sum(memory.count_lines(segment) for segment in held)

    @property
    def lines_written(self) -> int:
        """Lines that ``append`` has taken since the start."""
        return counted(self._taken)

    @property
    def bytes_held(self) -> int:
        """Bytes in all segments not yet dropped, approximately."""
        return sum(size for _, size in self._sizes())

    def _sizes(self) -> list[tuple[Segment, int]]:
        current = self._segment
        return [
            (segment, self._filled if segment is current else segment.left_bytes)
            for segment in list(self._segments.values())
        ]

    def seal(self) -> None:
        """Let no further line in; ``append`` returns False from now on."""
        # Not for ever: this very thread may hold it, interrupted by a signal in ``rotate``.
        lock = self._turns.lock
        is_held = lock.acquire(timeout=_LONGEST_SEAL_SECONDS)
        try:
            if self.is_sealed:
                return
            self.is_sealed = True
            fd, self._fd = self._fd, -1
            # Without a free descriptor a line that is on its way just gets in.
            with contextlib.suppress(OSError):
                closed = os.open(os.devnull, os.O_RDONLY)
                os.dup2(closed, fd, inheritable=False)
                os.close(closed)
            # All of them: a rotation that was interrupted has left one behind that others write to.
            left = [segment for segment in self._segments.values() if segment.left_at is None]
            for segment in left:
                segment.left_at = time.monotonic()
            # Who has counted in may still hold the number: closing it before they are out could
            # send their line into a file of the program that got the same number. This very thread
            # may be the one, interrupted by a signal in ``_write``: then the number stays taken.
            until = time.monotonic() + _LONGEST_WRITE_SECONDS
            while not (is_settled := all(segment.is_settled() for segment in left)) and (
                time.monotonic() < until
            ):
                time.sleep(0.001)
            if is_settled:
                os.close(fd)
        finally:
            if is_held:
                lock.release()

    def abandon(self) -> None:
        """Close every descriptor and leave the files: at the end, or to the parent after a fork."""
        self.is_sealed = True
        fd, self._fd = self._fd, -1
        segments, self._segments = self._segments, {}
        for number in {fd, *(segment.read_fd for segment in segments.values())}:
            with contextlib.suppress(OSError):
                os.close(number)

    def first(self) -> int:
        """Return the lowest number still held."""
        return min(self._segments, default=self._segment.number)

    def last(self) -> int:
        """Return the highest number there is: that of the current segment, or of the next."""
        return max(self._segments, default=self._segment.number)

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
        os.close(segment.read_fd)
        if segment.path is not None:
            with contextlib.suppress(OSError):
                segment.path.unlink()
