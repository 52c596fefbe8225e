"""Ids: UUIDv7 text that increases strictly from call to call within one process.

Lives here: the generator and the one instance a process uses. Not here: what the ids name.
Runs on the caller's thread and never waits: a signal handler or ``__del__`` may log in the middle
of a call, so no lock is ever waited for.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ONE_SECOND_NS = 1_000_000_000
# How often, in our own time, the wall clock is looked at.
_CHECK_EVERY_NS = _ONE_SECOND_NS // 4
_MILLISECOND_NS = 1_000_000
_LARGEST_TIME = 2**48 - 1
# Pairs of digits as they stand in an id; version and variant at their places of RFC 9562.
_DIGITS = (
    [b"7%x" % number for number in range(16)],
    [b"%02x-" % number for number in range(256)],
    [b"%02x" % (0x80 | number) for number in range(64)],
    [b"%02x" % number for number in range(256)],
)


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

    __slots__ = ("_random", "_set_suffix", "new_id_bytes")

    def __init__(
        self,
        *,
        wall: Callable[[], int] = time.time_ns,
        ticks: Callable[[], int] = time.perf_counter_ns,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._random = random
        self.new_id_bytes, self._set_suffix = _generator(wall, ticks)
        """Return the next id, 36 ASCII letters in the usual form."""
        self.reseed()

    def new_id(self) -> str:
        """Return the next id as text."""
        return self.new_id_bytes().decode()

    def reseed(self) -> None:
        """Draw new random bits; a forked child must, or it could repeat its parent's ids."""
        self._set_suffix(b"-" + self._random(6).hex().encode())


def _generator(
    wall: Callable[[], int], ticks: Callable[[], int]
) -> tuple[Callable[[], bytes], Callable[[bytes], None]]:
    """Return the functions that make the next id, and that set the random part of all further ids.

    Functions over shared variables and not methods over attributes: a third faster, once an entry.
    """
    base, last, check_at = wall() - ticks(), 0, 0
    window, suffix = (0, b""), b""
    count = itertools.count().__next__
    join, with_version, before_dash, with_variant, pairs = b"".join, *_DIGITS
    moving = threading.Lock()

    def new_id() -> bytes:
        nonlocal last, window
        now = ticks() + base
        # Two calls may see one tick. What another thread or a signal handler does between these
        # two lines overlaps with this call, and the counter still tells the two apart.
        last = now = now if now > last else last + 1
        if now > check_at:
            follow_wall(now)
        # One tuple, read once: another thread may replace it in between.
        start, prefix = window
        rest = now - start
        if not 0 <= rest < _MILLISECOND_NS:
            start, prefix = window = _window_of(now)
            rest = now - start
        # Of the 20 bits of nanoseconds 12 stand beside the version, 8 beside the variant. Joining
        # digits that stand ready takes a third of the time of formatting.
        return join(
            (
                prefix, with_version[rest >> 16], before_dash[rest >> 8 & 255],
                with_variant[rest >> 2 & 63], pairs[(rest & 3) << 6 | count() & 63], suffix,
            )
        )  # fmt: skip

    def follow_wall(now: int) -> None:
        """Move the base when the machine slept or its clock was set forward."""
        nonlocal base, check_at
        check_at = now + _CHECK_EVERY_NS
        # Never waits: whoever holds the lock is moving the base already. Without it two threads
        # would add the same distance twice.
        lock = moving
        if wall() - now > _ONE_SECOND_NS and lock.acquire(blocking=False):
            try:
                base += max(0, wall() - ticks() - base)
            finally:
                lock.release()

    def set_suffix(drawn: bytes) -> None:
        nonlocal suffix, moving
        # A new lock too: the parent may have forked while another thread held it.
        suffix, moving = drawn, threading.Lock()

    return new_id, set_suffix


def _window_of(now: int) -> tuple[int, bytes]:
    """Return the beginning of the millisecond, and the part of an id that tells it."""
    number = now // _MILLISECOND_NS
    digits = b"%012x" % (number & _LARGEST_TIME)
    return number * _MILLISECOND_NS, b"%b-%b-" % (digits[:8], digits[8:])


_GENERATOR = IdGenerator()
new_id = _GENERATOR.new_id
new_id_bytes = _GENERATOR.new_id_bytes
reseed = _GENERATOR.reseed
"""To be called in a forked child (``_recorder.registry`` sees to it)."""
