"""The slowest calls while the database accepts everything and answers nothing.

The connection works until the run's row is there; then the proxy swallows all bytes, in the middle
of a process that goes on logging.
"""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING

from child import in_child, tell_ready
from lines import make_logger, write_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kit.proxy import FaultProxy
    from measures import Bench
    from rounds import Sample

CALLS = 200_000


@contextlib.contextmanager
def contenders(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield runlog before a black hole."""
    from kit.proxy import FaultProxy

    with FaultProxy.in_front_of(bench.server.dsn) as proxy:
        yield {"runlog": partial(_turn, bench, proxy)}


def _turn(bench: Bench, proxy: FaultProxy) -> Sample:
    proxy.forward()
    bench.server.clear()
    calls = bench.scaled(CALLS)
    sample: Sample = in_child(
        "stall", "time_each", when_ready=proxy.hang, calls=calls, dsn=proxy.conninfo
    )
    return sample


def time_each(calls: int, dsn: str) -> Sample:
    """In the child: the time of each call, sorted."""
    import runlog

    handler = runlog.RunLogHandler(dsn, exit_timeout=0.1, spool_max_bytes=2**32)
    logger = make_logger(handler)
    with runlog.RunContext("bench", lifecycle_logs=False):
        write_lines(logger, 1000)
        if not runlog.flush(60):
            raise RuntimeError("the database does not answer")
        tell_ready()
        taken = sorted(_time_each(logger, calls))
        if runlog.flush(0.2):
            raise RuntimeError("the database answered")
    return {
        "p50_ms": taken[calls // 2] / 1e6,
        "p99_ms": taken[calls * 99 // 100] / 1e6,
        "p999_ms": taken[calls * 999 // 1000] / 1e6,
        "max_ms": taken[-1] / 1e6,
    }


def _time_each(logger: object, calls: int) -> list[int]:
    clock = time.perf_counter_ns
    taken = []
    for _ in range(calls):
        began = clock()
        write_lines(logger, 1)  # type: ignore[arg-type]
        taken.append(clock() - began)
    return taken
