"""What a process grows by while it logs a million lines to a database that is not there.

The resident set of the process, as the kernel counts it. The spool's pages are the kernel's cache of
a file: they are given back when memory is wanted, and are not in this figure.
"""

from __future__ import annotations

import contextlib
import gc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from child import in_child
from lines import make_logger, write_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measures import Bench
    from rounds import Sample

CALLS = 1_000_000
_LEAD_IN = 10_000


@contextlib.contextmanager
def contenders(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield runlog without a database."""
    yield {"runlog": partial(_turn, bench)}


def _turn(bench: Bench) -> Sample:
    calls = bench.scaled(CALLS)
    sample: Sample = in_child("memory", "grow", calls=calls, dsn=bench.absent)
    return sample


def grow(calls: int, dsn: str) -> Sample:
    """In the child: resident memory before and after."""
    import runlog

    handler = runlog.RunLogHandler(dsn, exit_timeout=0, spool_max_bytes=2**34)
    logger = make_logger(handler)
    with runlog.RunContext("bench", lifecycle_logs=False):
        write_lines(logger, _LEAD_IN)
        runlog.flush(2)  # at least one attempt: psycopg is loaded
        gc.collect()
        before = resident_mib()
        write_lines(logger, calls)
        after = resident_mib()
        stats = handler._recorder.stats()  # type: ignore[union-attr]
    if stats.shed or stats.waiting != calls + _LEAD_IN:
        raise RuntimeError(f"not every entry waits: {stats}")
    return {"growth_mib": after - before, "before_mib": before}


def resident_mib() -> float:
    """Return VmRSS of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kib) / 1024
