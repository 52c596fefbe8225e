"""How long until lines are committed: runlog, PostgreSQL's own bulk load, and an INSERT a line.

Connections are open and the run's row is there before the clock starts, for every contender; psql
alone connects within its time, a few milliseconds of seconds. Every turn starts with empty tables,
all indexes of the migrations and a checkpoint, and is checked: all rows are there, or no figure.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from child import in_child, tell_ready
from lines import make_logger, write_lines
from server import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measures import Bench
    from rounds import Sample

MANY = 300_000
SOME = 5_000
FEW = 200
"""Lines of the documented way over a slow network; the time is scaled up to SOME."""
ROUND_TRIP_SECONDS = 0.020
_INSERT = (
    "insert into logs (run_id, level, step, message, meta) values (%s, 'INFO', 'FETCH', %s, %s)"
)


@contextlib.contextmanager
def bulk(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield runlog and psql's copy of the rows that runlog wrote."""
    calls = bench.scaled(MANY)
    server = bench.server
    with tempfile.TemporaryDirectory(prefix="runlog-bench-") as folder:
        rows = Path(folder) / "rows.copy"
        _runlog(bench, calls)
        server.copy(f"logs {COLUMNS} to '{rows}'")
        (run_id,) = server.ask("select id from runs")
        yield {
            "runlog": partial(_runlog, bench, calls),
            "runlog backlog": partial(_backlog, bench, calls),
            "copy": partial(_copy, bench, rows, str(run_id), calls),
        }


@contextlib.contextmanager
def lines(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield runlog and the documented way, near the database and 20 ms away."""
    from kit.proxy import FaultProxy

    with FaultProxy.in_front_of(bench.server.dsn) as proxy:
        proxy.slow(ROUND_TRIP_SECONDS)
        far = proxy.conninfo
        some, few = bench.scaled(SOME), min(bench.scaled(SOME), FEW)
        yield {
            "runlog": partial(_runlog, bench, some),
            "insert": partial(_insert, bench, some, some),
            "runlog far": partial(_runlog, bench, some, far),
            "insert far": partial(_insert, bench, few, some, far),
        }


def _runlog(bench: Bench, calls: int, dsn: str | None = None) -> Sample:
    bench.server.clear()
    sample: Sample = in_child("delivery", "deliver", calls=calls, dsn=dsn or bench.server.dsn)
    bench.server.expect_entries(calls)
    return sample


def _backlog(bench: Bench, calls: int) -> Sample:
    bench.server.clear()
    with psycopg.connect(bench.server.dsn) as blocker:
        # Held back by a lock and not by a network: the shipper waits inside its first statement.
        sample: Sample = in_child(
            "delivery", "deliver", when_ready=partial(_toggle_lock, blocker), calls=calls,
            dsn=bench.server.dsn, held_back=True,
        )  # fmt: skip
    bench.server.expect_entries(calls)
    return sample


def _toggle_lock(blocker: psycopg.Connection) -> None:
    if blocker.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        blocker.execute("lock table logs in access exclusive mode")
    else:
        blocker.rollback()


def deliver(calls: int, dsn: str, *, held_back: bool = False) -> Sample:
    """In the child: log, and wait until all is committed; time only the wait if ``held_back``."""
    import runlog

    handler = runlog.RunLogHandler(dsn, spool_max_bytes=2**32)
    logger = make_logger(handler)
    with runlog.RunContext("bench", lifecycle_logs=False):
        if not runlog.flush(60):
            raise RuntimeError("the database does not answer")
        if held_back:
            tell_ready()
            write_lines(logger, calls)
            tell_ready()
        cpu, began = time.process_time(), time.perf_counter()
        if not held_back:
            write_lines(logger, calls)
        called = time.perf_counter()
        done = runlog.flush(600)
        ended = time.perf_counter()
    logger.handlers = [logging.NullHandler()]
    if not done:
        raise RuntimeError("not everything was delivered")
    return {
        "seconds": ended - began,
        "calls_seconds": called - began,
        "cpu_seconds": time.process_time() - cpu,
        "rows_per_second": calls / (ended - began),
    }


def _copy(bench: Bench, rows: Path, run_id: str, calls: int) -> Sample:
    bench.server.clear(run_id)
    began = time.perf_counter()
    bench.server.copy(f"logs {COLUMNS} from '{rows}'")
    seconds = time.perf_counter() - began
    bench.server.expect_entries(calls)
    return {"seconds": seconds, "rows_per_second": calls / seconds}


def _insert(bench: Bench, calls: int, counted_as: int, dsn: str | None = None) -> Sample:
    bench.server.clear()
    sample: Sample = in_child("delivery", "insert", calls=calls, dsn=dsn or bench.server.dsn)
    bench.server.expect_entries(calls)
    seconds = sample["seconds"] / calls * counted_as
    return {"seconds": seconds, "rows_per_second": counted_as / seconds}


def insert(calls: int, dsn: str) -> Sample:
    """In the child: the documented way, as good as psycopg does it: a statement a line, prepared."""
    import uuid

    import psycopg
    from psycopg.types.json import Jsonb

    run_id = uuid.uuid4()
    with psycopg.connect(dsn, autocommit=True) as connection:
        run = "insert into runs (id, script_name, status) values (%s, 'bench', 'running')"
        connection.execute(run, [run_id])
        began = time.perf_counter()
        for number in range(calls):
            meta = Jsonb({"count": number, "page": 3, "email": "anna.petrova@example.com"})
            message = f"Fetched {number} contacts from page 3"
            connection.execute(_INSERT, [run_id, message, meta])
        seconds = time.perf_counter() - began
    return {"seconds": seconds}
