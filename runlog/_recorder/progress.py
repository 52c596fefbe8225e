"""How far a loop is: what a run shows of it while it lasts.

The loop's thread writes one number for each item; the shipper's thread reads it with the heartbeat,
and a terminal's bar ten times a second. Never blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from runlog._process import clock
from runlog._process.interrupts import is_interrupt
from runlog._recorder import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_T = TypeVar("_T")


class Progress:
    """How far one loop is.

    Attributes:
        what: what is done, as a text that is storable; empty when nobody said.
        total: how many items there will be; None when nobody knows.
        done: how many there were.
    """

    __slots__ = ("_began", "_ended", "done", "total", "what")

    def __init__(self, what: str, total: int | None) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self._began = clock.monotonic()
        self._ended: float | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether the loop has ended, or was left."""
        return self._ended is not None

    def over(self, items: Iterable[_T], at_end: Callable[[], None]) -> Iterator[_T]:
        """Yield ``items``; one is done when the next one is asked for."""
        number = -1
        try:
            for number, item in enumerate(items):
                self.done = number
                yield item
            self.done = number + 1
        finally:
            self._ended = clock.monotonic()
            at_end()

    def numbers(self) -> dict[str, Any]:
        """Return ``done``, ``total``, ``rate`` a second, ``eta_seconds``, and ``what`` if told."""
        done, total = self.done, self.total
        elapsed = (self._ended or clock.monotonic()) - self._began
        rate = done / elapsed if elapsed > 0 else None
        left = max(0, total - done) if total is not None and self._ended is None else None
        eta = round(left / rate, 1) if left is not None and rate else None
        numbers = {
            "done": done,
            "total": total,
            "rate": rate and round(rate, 3),
            "eta_seconds": eta,
        }
        return {"what": self.what, **numbers} if self.what else numbers


_MOST = 2**63 - 1
"""Longer ones JSON has no place for."""


def total_of(items: object, total: object) -> int | None:
    """Return how many items there are: what the caller says, else what they know themselves."""
    try:
        count = len(items) if total is None else columns.count(total)  # type: ignore[arg-type] # the question
    except Exception as error:
        if is_interrupt(error):
            raise
        return None
    return count if count is not None and 0 <= count <= _MOST else None
