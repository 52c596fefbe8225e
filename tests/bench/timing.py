"""The time of a stream of calls, and what is left of it when the bare stream is taken off.

Two clocks: the wall's, in which waiting for other threads of the process counts, and that of the
calling threads' own CPU, which a busy machine disturbs less.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from rounds import Sample


class Taken(NamedTuple):
    """Seconds that a stream took: on the wall, and of its callers' CPU."""

    wall: float
    caller: float


def take_time(stream: Callable[[], None]) -> Taken:
    """Run ``stream`` on this thread and time it."""
    caller, wall = time.thread_time(), time.perf_counter()
    stream()
    return Taken(time.perf_counter() - wall, time.thread_time() - caller)


def mean_of(streams: list[Taken]) -> Taken:
    """Return what one of them took."""
    return Taken(*(sum(column) / len(streams) for column in zip(*streams, strict=True)))


def net_figures(taken: Taken, null: Taken, cpu: float, calls: int) -> Sample:
    """Return microseconds a call, net of ``null``.

    Args:
        taken: by the stream with a contender.
        null: by the bare one.
        cpu: seconds of the whole process, until the contender had drained.
        calls: in the stream.
    """
    each = 1e6 / calls
    return {
        "net_us": (taken.wall - null.wall) * each,
        "caller_us": (taken.caller - null.caller) * each,
        "cpu_us": (cpu - null.caller) * each,
        "null_us": null.wall * each,
    }
