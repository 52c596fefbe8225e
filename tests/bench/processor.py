"""What structlog's chain costs with runlog's processor in it, and with the JSON renderer at its end.

The same chain with neither, ending nowhere, is taken off. The renderer's text goes to a file line by
line, as structlog's WriteLogger does it: as safe from a kill as runlog's spool.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from child import in_child
from lines import write_events
from timing import mean_of, net_figures, take_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measures import Bench
    from rounds import Sample

CALLS = 200_000
_LEAD_IN = 5000


class _Nowhere:
    """A file whose writes cost a call and nothing else."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


@contextlib.contextmanager
def contenders(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield what takes turns."""
    yield {name: partial(_turn, bench, name) for name in ("runlog", "runlog absent", "renderer")}


def _turn(bench: Bench, name: str) -> Sample:
    if name == "runlog":
        bench.server.clear()
    dsn = bench.server.dsn if name == "runlog" else bench.absent
    calls = bench.scaled(CALLS)
    sample: Sample = in_child("processor", "time_events", contender=name, calls=calls, dsn=dsn)
    return sample


def time_events(contender: str, calls: int, dsn: str) -> Sample:
    """In the child: time one contender, and the chain without any."""
    bare = _make_log([_nothing], _Nowhere())
    write_events(bare, _LEAD_IN)
    null = mean_of([take_time(lambda: write_events(bare, calls)) for _ in range(2)])
    waits = contender == "runlog"
    with _json_file() if contender == "renderer" else _runlog(dsn, calls, waits=waits) as log:
        write_events(log, _LEAD_IN)
        cpu = time.process_time()
        taken = take_time(lambda: write_events(log, calls))
    # After everything is delivered: what was put off is a cost too.
    cpu = time.process_time() - cpu
    return net_figures(taken, null, cpu, calls)


def _make_log(endings: list[Any], file: Any) -> Any:
    import structlog

    chain = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        *endings,
    ]
    return structlog.wrap_logger(structlog.WriteLogger(file), processors=chain).bind()


def _nothing(_: Any, __: str, ___: Any) -> str:
    return ""


@contextlib.contextmanager
def _json_file() -> Iterator[Any]:
    import structlog

    file: IO[str]
    with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
        yield _make_log([structlog.processors.JSONRenderer()], file)


@contextlib.contextmanager
def _runlog(dsn: str, calls: int, *, waits: bool) -> Iterator[Any]:
    import runlog

    processor = runlog.RunLogProcessor(dsn, spool_max_bytes=2**32, exit_timeout=0)
    recorder = processor._recorder
    assert recorder is not None
    with runlog.RunContext("bench", lifecycle_logs=False):
        runlog.flush(1)  # the first attempt to deliver loads psycopg, once a process
        log = _make_log([processor, _nothing], _Nowhere())
        until = time.monotonic() + 10
        # As in ``emit``: until the shipper is in the middle of its work.
        while waits and recorder.stats().committed == 0 and time.monotonic() < until:
            write_events(log, _LEAD_IN)
        yield log
        if waits and not runlog.flush(300):
            raise RuntimeError("not everything was delivered")
    if recorder.stats().appended - recorder.stats().shed < calls:
        raise RuntimeError(f"not every entry was taken: {recorder.stats()}")
