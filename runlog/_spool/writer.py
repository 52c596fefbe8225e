"""Numbered append-only files: the way into the spool, on the caller's thread.

``SegmentWriter`` appends with one ``os.write`` to an O_APPEND file: no lock, no queue, nothing to
wait for. What was delivered and what was not is the subject of ``backlog``.

Why no lock is needed, and no line can be lost between two files:

* All writers use one descriptor number. ``dup2`` puts the next file behind it in one step, so a
  write lands whole in the old file or whole in the new.
* A writer counts itself in (``started``) on the segment it saw *before* it uses the descriptor, and
  out (``ended``) after. Once the next file is behind it, a segment with ``started == ended`` can
  grow no more: who counts in later writes to the new file. ``next()`` of a count is atomic.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runlog._process import clock
from runlog._process.descriptor import Descriptor
from runlog._process.interrupts import is_interrupt
from runlog._spool import memory
from runlog._spool.held import HeldLines
from runlog._spool.living import MEMORY_PIECES, LivingSegments
from runlog._spool.segment import Segment, Turns, counted, new_file
from runlog._spool.torn import WholeLines

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_SEAL_SECONDS = 1.0
_LONGEST_WRITE_SECONDS = 0.2
_MEMORY_SHARE = 4  # So many times the size of a file may stand in memory.
_MEMORY_PARTS = MEMORY_PIECES // _MEMORY_SHARE
BLOCK_BYTES = 2**20  # So much is worth a delivery of its own, before its time.
_RETRY_BYTES = 2**12  # A file that could not be made is tried again after so much in memory.


class SegmentWriter(WholeLines):
    """Appends lines to ``<stem>-000001<suffix>``, then ``-000002`` and so on.

    Thread-safe, safe in signal handlers, waits for no other thread. With ``folder=None``, or when
    the disk refuses, lines go to anonymous memory, as much as four files hold; ``on_full`` stops
    the flow before. Without a free descriptor a few are held. ``on_block`` is called after each
    ``BLOCK_BYTES``, ``on_memory`` after a line that no file took, on the thread that wrote.
    """

    def __init__(
        self,
        folder: Path | None,
        stem: str,
        suffix: str,
        segment_bytes: int,
        on_full: Callable[[], None] = lambda: None,
        on_block: Callable[[], None] = lambda: None,
        on_memory: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._on_full, self._on_block, self._on_memory = on_full, on_block, on_memory
        self._folder, self._segment_bytes = folder, segment_bytes
        self._name = f"{stem}-%06d{suffix}"
        self.files = LivingSegments()
        self._turns = Turns()
        self._taken = itertools.count()
        self._is_disk_missing = False
        self.held = HeldLines()
        self.is_sealed = False
        # Behind a number that nothing stands for, until there is a file: perhaps only later.
        self._end = Descriptor.nothing()
        self._fd = self._end.number
        self._segment = Segment(0, None, self._end)
        self._segment.left_at = clock.monotonic()
        self._room = self._mark = 0
        self.rotate()

    def append(self, line: bytes) -> bool:
        """Write one whole line; False if neither disk nor memory took it, or after ``seal``."""
        segment = self._segment
        try:
            # Inside: CPython looks for signals after a call, and Ctrl-C is then counted out again.
            next(segment.started)
            written = os.write(self._fd, line)
        except OSError as error:
            if is_interrupt(error):
                raise
            written = 0
        finally:
            next(segment.ended)
        if written != len(line):
            return self._append_elsewhere(line, torn=written > 0)
        next(self._taken)
        # Not atomic over threads: a lost addition only makes the file a little longer.
        segment.filled += written
        if segment.filled >= self._mark:
            self._pass_mark()
        return True

    def _pass_mark(self) -> None:
        if self._segment.in_memory and self._is_disk_missing:
            # Only where no file could be made: on a full disk one can, but not be written to.
            self.rotate(to_memory=False)
        if self._segment.filled >= self._room:
            # Where no new file can be made the old one goes on: unlike memory it survives a kill.
            if not self.rotate(to_memory=None if self._segment.in_memory else False):
                self._room = self._segment.filled + _RETRY_BYTES
            self._on_full()
        self._set_mark()
        self._on_block()

    def _set_mark(self) -> None:
        step = _RETRY_BYTES if self._is_disk_missing else BLOCK_BYTES
        self._mark = min(self._segment.filled + step, self._room)

    def _write(self, line: bytes) -> int:
        """Write what is not an entry's first try; ``append`` repeats this to save a call."""
        segment = self._segment
        try:
            next(segment.started)
            written = os.write(self._end.number, line)
        except OSError as error:
            if is_interrupt(error):
                raise
            return 0
        finally:
            next(segment.ended)
        segment.filled += written
        return written

    def _append_elsewhere(self, line: bytes, *, torn: bool) -> bool:
        """Take a line that could not be written: into another file, or into memory."""
        if self.is_sealed:
            return False
        if torn:
            self._fd = -1  # Nobody's line may come to stand behind it.
            self.cancel()
        # Where somebody closed the file the disk refused nothing, and what one refuses another may
        # take; not one after the other, though: each takes a descriptor from the program. Twice to
        # memory: an interrupted rotation may have left a file on that very disk.
        is_gone = not self._end.is_ours()
        is_taken = (self.is_torn or bool(self.held)) and self._put_in_order(line)
        may_help = self._segment.filled or self.files.pieces_share < 1
        if not is_taken and (is_gone or (may_help and not self._segment.in_memory)):
            is_new = self.rotate(to_memory=None if is_gone else False)
            is_taken = is_new and self._put_in_order(line)
        while not is_taken and not self._segment.in_memory and self.rotate(to_memory=True):
            pass
        is_taken = is_taken or (self._segment.in_memory and self._put_in_order(line))
        if not is_taken and (self.is_sealed or not self.held.add(line)):
            return False
        self._let_through()
        next(self._taken)
        if self.held or self._segment.in_memory:
            self._on_memory()
            self._on_full()
        return True

    def _let_through(self) -> None:
        """Let ``append`` write at once, unless lines are held: those came first."""
        self._fd = self._end.number  # Before it is asked: what is held just now shuts it again.
        if self.is_sealed or self.is_torn or not self.held.is_settled():
            self._fd = -1

    def _put_in_order(self, line: bytes) -> bool:
        self.held.release(self.put)
        return self.held.is_settled() and self.put(line)

    def rotate(self, *, to_memory: bool | None = None) -> bool:
        """Put a new file behind the descriptor; False if there is none or others do it.

        ``to_memory``: False for a file only; None for memory where no file can be made.
        """
        if (lock := self._turns.take()) is None:  # Whoever finds it taken writes into the old file.
            return False
        try:
            if self.is_sealed:
                return False
            old = self._segment
            # There already if a rotation was interrupted by Ctrl-C.
            if (new := self.files.find(old.number + 1)) is None:
                new = self._create(old.number + 1, to_memory=to_memory)
                self.files.add(new)
            self.held.release(new.put)  # Before anybody else can write to it: they came first.
            new.file.put_in_place_of(self._end)
            if new.is_torn:
                self.is_torn = True
            self._let_through()
            # After dup2, never before: a writer that counts in on the new segment must write to it.
            # Settled first: where Ctrl-C comes in between, the next line does all this again.
            new.first_line = old.left_line = counted(self._taken)
            old.left_at = clock.monotonic()
            self._segment = new
            self._room = self._segment_bytes // (_MEMORY_PARTS if new.in_memory else 1)
            self._set_mark()
        except OSError:
            return False
        else:
            return True
        finally:
            lock.release()

    def _create(self, number: int, *, to_memory: bool | None) -> Segment:
        if self._folder is not None and not to_memory:
            path = self._path(number)
            self._is_disk_missing = True
            with contextlib.suppress(OSError):
                file = new_file(path)
                self._is_disk_missing = False
                return Segment(number, path, file)
        if to_memory is False or self.files.pieces_share >= 1:
            raise OSError("neither disk nor memory takes another file")
        return Segment(number, None, memory.anonymous_file())

    def _path(self, number: int) -> Path:
        return (self._folder or Path()) / (self._name % number)

    def leave_memory(self) -> None:
        """Go back to files: the current segment at the next line, settled ones as they are."""
        if self._folder is None:
            return
        if self._segment.in_memory:
            self.rotate(to_memory=False)
        self.files.save_memory(self._path)

    def move_to(self, folder: Path) -> None:
        """Write to ``folder`` from now on; the one before was removed, with every name in it."""
        self._folder = folder
        self.files.leave_folder()
        self.rotate()
        self.files.save_memory(self._path)

    def check(self) -> None:
        """Mend what can be: a descriptor that somebody has closed, a line that was torn or held."""
        if not self.is_sealed and not self._end.is_ours():
            self.rotate()
        if self.is_torn:
            self.cancel()
        self.held.release(self.put)
        self._let_through()

    @property
    def is_on_disk(self) -> bool:
        """Tell whether the current segment is a file that survives the process."""
        return not self._segment.in_memory

    @property
    def memory_share(self) -> float:
        """Memory taken of what is set aside for when the disk refuses; from 1 on it is full."""
        share = self.files.bytes_in_memory / (_MEMORY_SHARE * self._segment_bytes)
        return max(share, self.files.pieces_share, self.held.share)

    @property
    def lines_written(self) -> int:
        """Lines that ``append`` has taken since the start."""
        return counted(self._taken)

    def seal(self) -> None:
        """Let no further line in; ``append`` returns False from now on."""
        # Not for ever: this very thread may hold it, interrupted by a signal in ``rotate``.
        lock = self._turns.lock
        is_held = lock.acquire(timeout=_LONGEST_SEAL_SECONDS)
        try:
            if self.is_sealed:
                return
            self.is_sealed = True
            self._fd = -1
            # Without a free descriptor a line that is on its way just gets in.
            with contextlib.suppress(OSError):
                closed = Descriptor(os.open(os.devnull, os.O_RDONLY))
                if self._end.is_ours():
                    closed.put_in_place_of(self._end)
                closed.close()
            # All of them: a rotation that was interrupted has left one behind that others write to.
            left = [segment for segment in self.files.all() if segment.left_at is None]
            for segment in left:
                segment.left_at = clock.monotonic()
                segment.left_line = counted(self._taken)
            # Who has counted in may still hold the number: closed now, it could send their line
            # into a file of the program. This very thread may be the one, in a signal handler.
            until = clock.monotonic() + _LONGEST_WRITE_SECONDS
            while not all(it.is_settled() for it in left) and clock.monotonic() < until:
                clock.sleep(0.001)
            if all(it.is_settled() for it in left):
                self._end.close()
        finally:
            if is_held:
                lock.release()

    def abandon(self) -> None:
        """Close every descriptor and leave the files: at the end, or to the parent after a fork."""
        self.is_sealed = True
        self._fd = -1
        self._end.close()
        self.files.close()
