"""From a hundred thousand entries to millions: time, memory, and what the ids do to the index.

Sizes of index and write-ahead log are PostgreSQL's own. Beside them the same rows with random ids,
as ``gen_random_uuid()`` gives them, loaded by psql in the same order: each lands on a page of
the index somewhere, where ids that increase fill one page after the other.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from child import in_child
from lines import make_logger, write_lines
from memory import resident_mib
from server import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from measures import Bench
    from rounds import Sample
    from server import Server

SIZES = {"100 k": 100_000, "1 M": 1_000_000}
LARGE = {"10 M": 10_000_000}
_PART = 100_000
SESSIONS = (
    "select count(*)::int from pg_stat_activity where datname = current_database()"
    " and pid <> pg_backend_pid() and backend_type = 'client backend'"
)
_COUNTERS = (
    "select pg_current_wal_insert_lsn() - '0/0', idx_blks_read"
    " from pg_statio_user_indexes where indexrelname = 'logs_pkey'"
)
_RANDOM = "1 M random ids"


@contextlib.contextmanager
def contenders(bench: Bench) -> Iterator[dict[str, Callable[[], Sample]]]:
    """Yield the sizes, and the middle one with random ids."""
    with tempfile.TemporaryDirectory(prefix="runlog-bench-") as folder:
        rows = Path(folder) / "random.copy"
        sizes = SIZES | (LARGE if bench.large else {})
        turns = {
            name: partial(_runlog, bench, bench.scaled(calls)) for name, calls in sizes.items()
        }
        yield {**turns, _RANDOM: partial(_random, bench, rows)}


def _runlog(bench: Bench, calls: int) -> Sample:
    bench.server.clear()
    before = _Counters.of(bench.server)
    sample: Sample = in_child("growth", "deliver", calls=calls, dsn=bench.server.dsn)
    bench.server.expect_entries(calls)
    return {**sample, **_sizes(bench.server, before, calls)}


def deliver(calls: int, dsn: str) -> Sample:
    """In the child: log in parts, each waited for, and see how time and memory go on."""
    import runlog

    logger = make_logger(runlog.RunLogHandler(dsn, spool_max_bytes=2**34))
    seconds, resident = [], []
    part = min(_PART, calls)
    with runlog.RunContext("bench", lifecycle_logs=False):
        runlog.flush(60)
        for _ in range(calls // part):
            began = time.perf_counter()
            write_lines(logger, part)
            if not runlog.flush(600):
                raise RuntimeError("not everything was delivered")
            seconds.append(time.perf_counter() - began)
            resident.append(resident_mib())
    return {
        "us_per_entry": sum(seconds) / calls * 1e6,
        "last_part_us": seconds[-1] / part * 1e6,
        "resident_mib": resident[-1],
        "growth_mib": resident[-1] - resident[0],
    }


def _random(bench: Bench, rows: Path) -> Sample:
    calls = bench.scaled(SIZES["1 M"])
    if not rows.exists():
        _runlog(bench, calls)
        bench.server.copy(f"logs {COLUMNS} to '{rows}'")
        _randomise(rows)
    bench.server.clear(_run_of(rows))
    before = _Counters.of(bench.server)
    began = time.perf_counter()
    bench.server.copy(f"logs {COLUMNS} from '{rows}'")
    seconds = time.perf_counter() - began
    bench.server.expect_entries(calls)
    return {"us_per_entry": seconds / calls * 1e6, **_sizes(bench.server, before, calls)}


def _run_of(rows: Path) -> str:
    with rows.open(encoding="utf-8") as file:
        return file.readline().split("\t")[1]


def _randomise(rows: Path) -> None:
    changed = rows.with_suffix(".new")
    with rows.open(encoding="utf-8") as old, changed.open("w", encoding="utf-8") as new:
        new.writelines(f"{uuid.uuid4()}\t{line.partition(chr(9))[2]}" for line in old)
    changed.rename(rows)


@dataclass(frozen=True, slots=True)
class _Counters:
    wal: int
    reads: int

    @classmethod
    def of(cls, server: Server) -> Self:
        """Look once the clients' sessions are over: that is when they hand in what they counted."""
        until = time.monotonic() + 10
        while server.ask(SESSIONS) != (0,) and time.monotonic() < until:
            time.sleep(0.05)
        wal, reads = server.ask(_COUNTERS)
        return cls(int(str(wal)), int(str(reads)))


def _sizes(server: Server, before: _Counters, calls: int) -> Sample:
    """Return bytes of log and of the ids' index an entry, and pages of it read a thousand."""
    after = _Counters.of(server)
    (index,) = server.ask("select pg_relation_size('logs_pkey')")
    return {
        "wal_bytes": (after.wal - before.wal) / calls,
        "id_index_bytes": int(str(index)) / calls,
        "id_reads_pages": (after.reads - before.reads) / calls * 1000,
    }
