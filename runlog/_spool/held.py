"""Lines for which no descriptor is free, held until there is one: a few, and in order.

Neither a file nor anonymous memory can be made then. It is what keeps a run's start, without which
none of its entries can be stored. Any thread; safe in signal handlers.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from runlog._spool.segment import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_BYTES = 2**18


class HeldLines:
    """Takes a quarter of a megabyte, and gives it back in the order in which it came."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._in_hand: list[None] = []
        self._turns = Turns()

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def share(self) -> float:
        """How much of what may be held is held; at 1 no more is."""
        return self._bytes / _MAX_BYTES

    def add(self, line: bytes) -> bool:
        """Hold ``line``; False when there are too many."""
        if self._bytes + len(line) > _MAX_BYTES:
            return False
        self._bytes += len(line)
        self._lines.append(line)
        return True

    def release(self, write: Callable[[bytes], bool]) -> None:
        """Give each line to ``write``, until it takes one no more; nothing while another does so.

        One thread at a time: of two, the second line could stand before the first, a run's end
        before its start.
        """
        lock = self._turns.take() if self._lines else None
        if lock is None:
            return
        # First of all: who looks meanwhile must find the line here, in a hand, or written.
        self._in_hand.append(None)
        try:
            while self._lines:
                # Taken out first: a signal handler that gives up may take them all.
                line = self._lines.popleft()
                is_written = False
                try:
                    is_written = write(line)
                finally:
                    if not is_written:
                        self._lines.appendleft(line)
                if not is_written:
                    return
                self._bytes -= len(line)
        except IndexError:
            return
        finally:
            self._in_hand.pop()
            lock.release()

    def is_settled(self) -> bool:
        """Tell whether every line that was held is written by now."""
        return not self._in_hand and not self._lines

    def take_all(self) -> list[bytes]:
        """Return every line, in order, and hold none."""
        lines = list(self._lines)
        self._lines.clear()
        self._bytes = 0
        return lines

    def give_back(self, lines: list[bytes]) -> None:
        """Hold ``lines`` again, which were taken."""
        self._lines.extendleft(reversed(lines))
        self._bytes += sum(map(len, lines))
