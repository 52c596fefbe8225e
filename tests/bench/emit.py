"""What a call of logging costs the caller: runlog's handler and its peers', net of a NullHandler.

Each contender streams the same lines in a process of its own. The time of the same loop with a
``NullHandler`` is taken off; it runs before the contender is made, because a contender may change
how records are made. Lead-in, not timed: caches and bytecode are warm, and runlog's shipper is in
the middle of its work, so its share of the interpreter is in the figure.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import tempfile
import threading
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

from child import in_child
from lines import make_logger, write_lines
from timing import Taken, mean_of, net_figures, take_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measures import Bench
    from rounds import Sample

CALLS = 200_000
THREADS = 8
_LEAD_IN = 5000


@contextlib.contextmanager
def contenders(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield what takes turns, logging from one thread."""
    yield {name: partial(_turn, bench, name, 1) for name in _OPENERS}


@contextlib.contextmanager
def contenders_8(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield the same, the calls shared by 8 threads."""
    yield {name: partial(_turn, bench, name, THREADS) for name in _OPENERS}


def _turn(bench: Bench, name: str, threads: int) -> Sample:
    healthy = name == "runlog"
    if healthy:
        bench.server.clear()
    dsn = bench.server.dsn if healthy else bench.absent
    calls = bench.scaled(CALLS)
    sample: Sample = in_child(
        "emit", "time_calls", contender=name, calls=calls, threads=threads, dsn=dsn
    )
    return sample


def time_calls(contender: str, calls: int, threads: int, dsn: str) -> Sample:
    """In the child: time one contender, and the loop without any."""
    logger = make_logger(logging.NullHandler())
    write_lines(logger, _LEAD_IN)
    null = mean_of([_stream(logger, calls, threads) for _ in range(2)])
    with _OPENERS[contender](dsn) as handler:
        logger.handlers = [handler]
        _lead_in(logger, handler, waits=contender == "runlog")
        cpu = time.process_time()
        taken = _stream(logger, calls, threads)
    # After the contender has drained: what it put off is its cost too.
    cpu = time.process_time() - cpu
    _expect_entries(handler, calls)
    return net_figures(taken, null, cpu, calls)


def _lead_in(logger: logging.Logger, handler: Any, *, waits: bool) -> None:
    write_lines(logger, _LEAD_IN)
    until = time.monotonic() + 10
    # The shipper makes a pass a second: wait until one is under way; the stream keeps it busy.
    while waits and handler._recorder.stats().committed == 0 and time.monotonic() < until:
        write_lines(logger, _LEAD_IN)


def _expect_entries(handler: Any, calls: int) -> None:
    """Fail if runlog took fewer entries than it was timed with."""
    recorder = getattr(handler, "_recorder", None)
    if recorder is not None and recorder.stats().appended - recorder.stats().shed < calls:
        raise RuntimeError(f"not every entry was taken: {recorder.stats()}")


def _stream(logger: logging.Logger, calls: int, threads: int) -> Taken:
    if threads == 1:
        return take_time(lambda: write_lines(logger, calls))
    started: list[float] = []
    # Read by whoever arrives last: the main thread may wait long for its turn after that.
    together = threading.Barrier(threads, lambda: started.append(time.perf_counter()))
    spent: list[Taken] = []

    def work() -> None:
        together.wait()
        spent.append(take_time(lambda: write_lines(logger, calls // threads)))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall = time.perf_counter() - started[0]
    return Taken(wall, sum(taken.caller for taken in spent))


@contextlib.contextmanager
def _runlog(dsn: str) -> Iterator[logging.Handler]:
    import runlog

    handler = runlog.RunLogHandler(dsn)
    with runlog.RunContext("bench", lifecycle_logs=False):
        runlog.flush()
        yield handler
        if not runlog.flush(300):
            raise RuntimeError("not everything was delivered")


@contextlib.contextmanager
def _runlog_absent(dsn: str) -> Iterator[logging.Handler]:
    import runlog

    handler = runlog.RunLogHandler(dsn, spool_max_bytes=2**32, exit_timeout=0)
    with runlog.RunContext("bench", lifecycle_logs=False):
        runlog.flush(1)  # the first attempt is over: it loads psycopg, once a process
        yield handler


@contextlib.contextmanager
def _queue(_: str) -> Iterator[logging.Handler]:
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    listener = logging.handlers.QueueListener(waiting, logging.NullHandler())
    listener.start()
    yield logging.handlers.QueueHandler(waiting)
    listener.stop()


@contextlib.contextmanager
def _json_file(_: str) -> Iterator[logging.Handler]:
    from pythonjsonlogger.json import JsonFormatter

    with tempfile.NamedTemporaryFile(suffix=".log") as file:
        handler = logging.FileHandler(file.name)
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        yield handler
        handler.close()


@contextlib.contextmanager
def _opentelemetry(_: str) -> Iterator[logging.Handler]:
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler, export

    class Nowhere(export.LogRecordExporter):
        def export(self, batch: Any) -> export.LogRecordExportResult:  # noqa: ARG002 - its name
            return export.LogRecordExportResult.SUCCESS

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return bool(timeout_millis + 1)

        def shutdown(self) -> None:
            pass

    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(export.BatchLogRecordProcessor(Nowhere()))
    with warnings.catch_warnings():
        # The SDK's handler moves to another package one day; it is the same class there.
        warnings.simplefilter("ignore", DeprecationWarning)
        handler = LoggingHandler(logger_provider=provider)
    yield handler
    provider.shutdown()


_OPENERS: dict[str, Callable[[str], contextlib.AbstractContextManager[logging.Handler]]] = {
    "runlog": _runlog,
    "runlog absent": _runlog_absent,
    "queue": _queue,
    "json file": _json_file,
    "opentelemetry": _opentelemetry,
}
