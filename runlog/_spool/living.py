"""The files of a living process: the reading half of ``writer``, as ``orphan`` has it of the dead.

Nothing here puts a line into a file. Any thread.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from runlog._spool import memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlog._spool.backlog import Position
    from runlog._spool.segment import Segment

MEMORY_PIECES = 32
"""In so many pieces memory is taken: the share that is taken is looked at after each."""

_MOST_PIECES = 2 * MEMORY_PIECES
"""A piece is left before it is full where the disk seemed to take entries again."""

_LONGEST_SAVE_SECONDS = 1.0


class LivingSegments:
    """The segments that are not delivered yet, by number; the last one is being written."""

    def __init__(self) -> None:
        self._segments: dict[int, Segment] = {}
        self._saving = threading.Lock()
        self._lost = 0

    def add(self, segment: Segment) -> None:
        """Take the next one."""
        self._segments[segment.number] = segment

    def find(self, number: int) -> Segment | None:
        """Return segment ``number`` if it is there."""
        return self._segments.get(number)

    def all(self) -> list[Segment]:
        """Return what there is at this moment, in order."""
        return list(self._segments.values())

    def first(self) -> int:
        """Return the lowest number still held."""
        return min(self._segments, default=0)

    def last(self) -> int:
        """Return the highest number there is: that of the current segment, or of the next."""
        return max(self._segments, default=0)

    def fd(self, number: int) -> int | None:
        """Return the descriptor to read segment ``number`` from, None if it is not held.

        Raises:
            OSError: its descriptor was closed, and the file cannot be opened anew now.
        """
        segment = self._segments.get(number)
        return segment.fd() if segment else None

    def is_settled(self, number: int) -> bool:
        """Tell whether segment ``number`` can grow no more."""
        segment = self._segments.get(number)
        return segment is None or segment.is_settled()

    def drop(self, number: int) -> None:
        """Forget segment ``number`` and unlink its file."""
        segment = self._segments.pop(number, None)
        if segment is None:
            return
        segment.file.close()
        if segment.path is not None:
            with contextlib.suppress(OSError):
                segment.path.unlink()

    def close(self) -> None:
        """Close every descriptor and leave the files."""
        segments, self._segments = self._segments, {}
        for segment in segments.values():
            segment.file.close()

    @property
    def bytes_held(self) -> int:
        """Bytes in all of them, approximately."""
        return sum(segment.filled for segment in self.all())

    @property
    def bytes_in_memory(self) -> int:
        """Those of them that no file holds."""
        return sum(segment.filled for segment in self.all() if segment.in_memory)

    @property
    def pieces_share(self) -> float:
        """How many of the pieces that may be in memory there are; at 1 there can be no other."""
        return sum(segment.in_memory for segment in self.all()) / _MOST_PIECES

    def count_in_memory(self, position: Position, lines: int) -> int:
        """Count the lines from ``position`` on that no file holds; ``lines``: of all."""
        kept = [it for it in self.all() if it.number >= position.segment and it.in_memory]
        count = 0
        for segment in kept:
            try:
                count += memory.count_lines_of(segment)
            except OSError:
                count += _lines_behind(segment, position, lines)
        return count

    def save_memory(self, path_of: Callable[[int], Path]) -> None:
        """Bring what is settled from memory into files, as far as the disk takes it."""
        # At the end two threads may come here: one must not remove what the other has written.
        if not self._saving.acquire(timeout=_LONGEST_SAVE_SECONDS):
            return
        try:
            for segment in self.all():
                is_ready = segment.in_memory and segment.is_settled() and not segment.is_lost
                if is_ready and not memory.save(segment, path_of(segment.number)):
                    return
        finally:
            self._saving.release()

    def leave_folder(self) -> None:
        """Note that no name leads to these files any more."""
        for segment in self.all():
            segment.path, segment.in_memory = None, True

    def count_lost(self, position: Position) -> int:
        """Count, about, the lines behind ``position`` in what was in memory and was closed."""
        return self._lost + sum(_lines_behind(it, position) for it in self.all() if it.is_lost)

    def settle_lost(self, position: Position) -> None:
        """Keep in mind what ``count_lost`` says, before what is lost is dropped."""
        self._lost = self.count_lost(position)

    def estimate_waiting(self, position: Position, lines: int) -> int:
        """Count, about and without reading, what waits behind ``position``; ``lines``: of all."""
        waiting = [segment for segment in self.all() if not segment.is_lost]
        return sum(_lines_behind(segment, position, lines) for segment in waiting)


def _lines_behind(segment: Segment, position: Position, lines: int = 0) -> int:
    if segment.number < position.segment:
        return 0
    end = segment.left_line if segment.left_at is not None else lines
    held = max(0, end - segment.first_line)
    if segment.number > position.segment or not segment.filled:
        return held
    return round(held * (1 - min(1.0, position.offset / segment.filled)))
