"""What an entry costs until it is kept, and what a kill leaves of it: runlog and its peers.

Two kinds of peers: those that do the same job, each line a committed row in PostgreSQL, and those
that do less. CPU is that of all threads and processes, the database's own included, until the last
line is where the contender puts it. Then the script is really killed (SIGKILL) while it logs a
steady stream, and whoever can still deliver may: lost is what was logged and is nowhere.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import mmap
import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from child import HERE, environment, in_child, spool_folder
from cpu import cpu_of_server
from lines import make_logger, write_lines
from rounds import Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measures import Bench

_INSERT = "insert into logs (run_id, level, step, message, meta) values (%s, %s, %s, %s, %s)"
_BATCH = 500
_KILLED_AFTER_SECONDS = 1.5
_PAUSE_SECONDS = 0.001


class Peer(NamedTuple):
    """A contender.

    Attributes:
        title: on the page.
        open: yields the handler; everything is where it belongs when it has closed.
        calls: how many lines are logged for a figure.
        kept: what is left, counted by the parent: rows, lines of a file, or nothing.
    """

    title: str
    open: Callable[[str, str], contextlib.AbstractContextManager[logging.Handler]]
    calls: int
    kept: str


class Row(NamedTuple):
    """Of one contender: microseconds an entry, and lines."""

    title: str
    cpu_us: Spread
    wall_us: Spread
    logged: Spread
    lost: Spread


class _ToRows(logging.Handler):
    """Makes rows of records, as people write it: so many at a time, in one transaction."""

    def __init__(self, dsn: str, at_a_time: int) -> None:
        import psycopg
        from psycopg.types.json import Jsonb

        super().__init__()
        self._json, self._at_a_time = Jsonb, at_a_time
        self._waiting: list[tuple[Any, ...]] = []
        self._connection = psycopg.connect(dsn, autocommit=True)
        run = self._connection.execute(
            "insert into runs (script_name, status) values ('bench', 'running') returning id"
        ).fetchone()
        assert run is not None
        self._run_id = run[0]

    def emit(self, record: logging.LogRecord) -> None:
        told: Any = record
        self._waiting.append(
            (self._run_id, record.levelname, told.step, record.getMessage(), self._json(told.meta))
        )
        if len(self._waiting) >= self._at_a_time:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.executemany(_INSERT, self._waiting)
            self._waiting.clear()


@contextlib.contextmanager
def _runlog(dsn: str, _: str) -> Iterator[logging.Handler]:
    import runlog

    handler = runlog.RunLogHandler(dsn)
    with runlog.RunContext("bench", lifecycle_logs=False):
        runlog.flush()
        yield handler
        if not runlog.flush(300):
            raise RuntimeError("not everything was delivered")


@contextlib.contextmanager
def _insert(dsn: str, _: str) -> Iterator[logging.Handler]:
    yield _ToRows(dsn, 1)


@contextlib.contextmanager
def _batches(dsn: str, _: str) -> Iterator[logging.Handler]:
    handler = _ToRows(dsn, _BATCH)
    with _queue_to(handler) as queued:
        yield queued
    handler.flush()


@contextlib.contextmanager
def _queue_to(handler: logging.Handler) -> Iterator[logging.Handler]:
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    listener = logging.handlers.QueueListener(waiting, handler)
    listener.start()
    yield logging.handlers.QueueHandler(waiting)
    listener.stop()


@contextlib.contextmanager
def _queue(_: str, __: str) -> Iterator[logging.Handler]:
    with _queue_to(logging.NullHandler()) as queued:
        yield queued


@contextlib.contextmanager
def _json_file(_: str, path: str) -> Iterator[logging.Handler]:
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    yield handler
    handler.close()


PEERS = {
    "runlog": Peer("**runlog**", _runlog, 50_000, "rows"),
    "insert": Peer("a handler with an INSERT a line", _insert, 5_000, "rows"),
    "batches": Peer(
        f"QueueHandler, QueueListener, executemany of {_BATCH}", _batches, 50_000, "rows"
    ),
    "json file": Peer("less: FileHandler + python-json-logger", _json_file, 50_000, "lines"),
    "queue": Peer("less: QueueHandler, QueueListener to nothing", _queue, 50_000, "nothing"),
}


def measure_peers(bench: Bench, rounds: int, tell: Callable[[str], None]) -> list[Row]:
    """Return the rows of the page's table; contenders take turns."""
    told: dict[str, list[dict[str, float]]] = {name: [] for name in PEERS}
    for number in range(rounds + 1):
        for name in PEERS:
            figures = {**_cost(bench, name), **_kill(bench, name)}
            tell(f"{number or 'warm-up'} {name}: {figures}")
            if number:
                told[name].append(figures)
    return [
        Row(
            PEERS[name].title,
            *(Spread.of(it[figure] for it in turns) for figure in Row._fields[1:]),
        )
        for name, turns in told.items()
    ]


def _cost(bench: Bench, name: str) -> dict[str, float]:
    bench.server.clear()
    calls = bench.scaled(PEERS[name].calls)
    before = cpu_of_server(bench.server)
    with tempfile.TemporaryDirectory(prefix="runlog-bench-") as folder:
        path = f"{folder}/lines"
        spent: dict[str, float] = in_child(
            "peers", "log_until_kept", name=name, calls=calls, dsn=bench.server.dsn, path=path
        )
        _expect(bench, name, path, calls)
    # The child's connection is gone, so that its backend's time is in its parent's.
    server = cpu_of_server(bench.server) - before if PEERS[name].kept == "rows" else 0.0
    each = 1e6 / calls
    return {"cpu_us": (spent["cpu"] + server) * each, "wall_us": spent["wall"] * each}


def log_until_kept(name: str, calls: int, dsn: str, path: str) -> dict[str, float]:
    """In the child: log, and wait until the last line is where it belongs."""
    null = make_logger(logging.NullHandler())
    write_lines(null, 1000)
    with contextlib.ExitStack() as stack:
        logger = make_logger(stack.enter_context(PEERS[name].open(dsn, path)))
        cpu, wall = time.process_time(), time.perf_counter()
        write_lines(logger, calls)
        logger.handlers = [logging.NullHandler()]
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def _kill(bench: Bench, name: str) -> dict[str, float]:
    """Kill a script that logs, let the next one deliver what it left, and count."""
    bench.server.clear()
    with spool_folder() as spool_dir, tempfile.TemporaryDirectory(prefix="runlog-bench-") as folder:
        path, counter = f"{folder}/lines", Path(folder) / "counter"
        counter.write_bytes(bytes(8))
        variables = environment(spool_dir, RUNLOG_DSN=bench.server.dsn)
        told = [name, bench.server.dsn, path, str(counter)]
        script = subprocess.Popen(
            [sys.executable, "-c", "import peers, sys; peers.log_until_killed(*sys.argv[1:])", *told],
            env={**variables, "PYTHONPATH": f"{variables['PYTHONPATH']}{os.pathsep}{HERE}"},
        )  # fmt: skip
        until = time.monotonic() + 60
        while not any(counter.read_bytes()) and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(_KILLED_AFTER_SECONDS)
        script.send_signal(signal.SIGKILL)
        script.wait()
        if name == "runlog":
            flush = [sys.executable, "-m", "runlog", "flush"]
            subprocess.run(flush, env=variables, check=True, capture_output=True)
        logged = int.from_bytes(counter.read_bytes(), "little")
        if not logged:
            raise RuntimeError(f"{name} logged nothing before it was killed")
        kept = _count(bench, name, path)
    return {"logged": logged, "lost": max(0, logged - kept)}


def log_until_killed(name: str, dsn: str, path: str, counter: str) -> None:
    """In the script: log a line each millisecond, and count in a file those whose call returned."""
    with Path(counter).open("r+b") as file, PEERS[name].open(dsn, path) as handler:
        logger, seen = make_logger(handler), mmap.mmap(file.fileno(), 8)
        number = 0
        while True:
            write_lines(logger, 1)
            number += 1
            seen[:] = number.to_bytes(8, "little")
            time.sleep(_PAUSE_SECONDS)


def _expect(bench: Bench, name: str, path: str, calls: int) -> None:
    if PEERS[name].kept != "nothing" and (found := _count(bench, name, path)) != calls:
        raise RuntimeError(f"{name}: {found} lines are kept, {calls} were logged")


def _count(bench: Bench, name: str, path: str) -> int:
    kept = PEERS[name].kept
    if kept == "rows":
        # What is not of the script itself, such as the entry that tells of its death, has no FETCH.
        (found,) = bench.server.ask("select count(*) from logs where step = 'FETCH'")
        assert isinstance(found, int)
        return found
    if kept == "lines":
        return Path(path).read_bytes().count(b"\n")
    return 0
