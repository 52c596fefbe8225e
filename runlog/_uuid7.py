"""Ids: UUIDv7 text that increases strictly from call to call within one process.

Lives here: the generator and the one instance a process uses. Not here: what the ids name.
Runs on the caller's thread and never waits: a signal handler or ``__del__`` may log in the middle
of a call, so no lock is ever waited for.
"""

from __future__ import annotations

import itertools
import os
import struct
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ONE_SECOND_NS = 1_000_000_000
# How often, in our own time, the wall clock is looked at.
_CHECK_EVERY_NS = _ONE_SECOND_NS // 4
# The first eight digits of an id stay the same for 65.536 seconds.
_WINDOW_NS = 65_536_000_000
# RFC 9562, at their places in the second and third of the three middle groups.
_VERSION = 0x7000
_VARIANT = 0x8000
_pack = struct.Struct(">HHH").pack


class IdGenerator:
    """Makes UUIDv7 text: 48 bits of milliseconds, 20 of the rest, 6 of a counter, 48 random.

    Thread-safe and re-entrant without waiting for a lock. Of two calls of which one ended before
    the other began, the later gets the greater id. The time is that of a clock that never goes
    back; it is moved forward when the wall clock runs ahead by more than a second.

    Args:
        wall: nanoseconds since 1970.
        ticks: nanoseconds of a clock that never goes back.
        random: gives that many random bytes.
    """

    __slots__ = (
        "_base",
        "_calls",
        "_check_at",
        "_last",
        "_moving",
        "_random",
        "_suffix",
        "_ticks",
        "_wall",
        "_window",
    )

    def __init__(
        self,
        *,
        wall: Callable[[], int] = time.time_ns,
        ticks: Callable[[], int] = time.perf_counter_ns,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._wall = wall
        self._ticks = ticks
        self._random = random
        self._calls = itertools.count()
        self._base = wall() - ticks()
        self._last = 0
        self._check_at = 0
        self._window = (0, "")
        self.reseed()

    def new_id(self) -> str:
        """Return the next id, 36 characters in the usual form."""
        now = self._ticks() + self._base
        # Two calls may see one tick. What another thread or a signal handler does between these
        # two lines overlaps with this call, and the counter still tells the two apart.
        if now <= self._last:
            now = self._last + 1
        self._last = now
        if now > self._check_at:
            self._follow_wall(now)
        # One tuple, read once: another thread may replace it in between.
        start, prefix = self._window
        if not 0 <= now - start < _WINDOW_NS:
            start, prefix = self._window = _window_of(now)
        ms, rest = divmod(now - start, 1_000_000)
        fine = rest << 6 | next(self._calls) & 63
        middle = _pack(ms, _VERSION | fine >> 14, _VARIANT | fine & 0x3FFF)
        return prefix + middle.hex("-", 2) + self._suffix

    def reseed(self) -> None:
        """Draw new random bits; a forked child must, or it could repeat its parent's ids."""
        # A new lock too: the parent may have forked while another thread held it.
        self._moving = threading.Lock()
        self._suffix = "-" + self._random(6).hex()

    def _follow_wall(self, now: int) -> None:
        """Move the base when the machine slept or its clock was set forward."""
        self._check_at = now + _CHECK_EVERY_NS
        ahead = self._wall() - now
        # Never waits: whoever holds the lock is moving the base already. Without it two threads
        # would add the same distance twice.
        if ahead > _ONE_SECOND_NS and self._moving.acquire(blocking=False):
            try:
                self._base += max(0, self._wall() - self._ticks() - self._base)
            finally:
                self._moving.release()


def _window_of(now: int) -> tuple[int, str]:
    number = now // _WINDOW_NS
    return number * _WINDOW_NS, f"{number & 0xFFFFFFFF:08x}-"


_GENERATOR = IdGenerator()
new_id = _GENERATOR.new_id
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_GENERATOR.reseed)
