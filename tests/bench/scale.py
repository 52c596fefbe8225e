"""How the tables grow: a half year of a million entries, of ten, of thirty, and what each is like.

Measured of each size: what an entry takes on the disk, what writing another one costs, and each
question (``questions``); of the largest what deleting takes, and the change to partitions. The
entries are made in the database (``fill_logs.sql``), in the order in which they would have come.
"""

from __future__ import annotations

import os
import statistics
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from child import in_child
from growth import SESSIONS
from psycopg import sql
from psycopg.conninfo import make_conninfo
from questions import ask_all

from runlog import migrate, retention
from runlog._database import statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = {"1 M": 10_000, "10 M": 100_000, "30 M": 300_000}
"""Runs of each size; a run has about a hundred entries."""

_HERE = Path(__file__).parent
_PART = 10_000
_WRITTEN = 100_000
_WARMUP, _TURNS = 4, 3
"""The first turns fill the room that deleted and changed rows left, here and there in the table."""
_OLD = timedelta(days=135)
_LSN = "select (pg_current_wal_insert_lsn() - '0/0')::float8"
_BYTES = """
select name, sum(bytes)::float8
from (
    select 'heap' as name, pg_table_size('logs') as bytes
    union all
    select indexrelname, pg_relation_size(indexrelid)
    from pg_stat_user_indexes
    where relname = 'logs'
) as piece
group by name
"""

Figures = dict[str, Any]


def measure_scale(
    server: str, runs: dict[str, int], tell: Callable[[str], None]
) -> dict[str, Figures]:
    """Return the figures of each size, the largest last.

    The databases, ``runlog_scale_<runs>``, stay on ``server`` and are used again.

    Args:
        server: where databases can be made.
        runs: how many of each size.
        tell: is told how far it is.
    """
    figures = {}
    for size, count in runs.items():
        name = f"runlog_scale_{count}"
        dsn = make_conninfo(server, dbname=name)
        _make(server, name)
        tell(f"{size}: filling {name}")
        _fill(dsn, count)
        tell(f"{size}: questions")
        figures[size] = {**_sizes(dsn), "questions": ask_all(dsn)}
        tell(f"{size}: writing, deleting, partitions, on copies")
        with _copy(server, name) as copy:
            figures[size]["writing"] = _write(copy)
            figures[size]["deleting"] = _delete(copy)
        with _copy(server, name) as copy:
            figures[size]["partitions_s"] = _partition(copy)
    return figures


def _make(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        if admin.execute("select from pg_database where datname = %s", [name]).rowcount:
            return
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


@contextmanager
def _copy(server: str, name: str) -> Iterator[str]:
    copy = f"{name}_copy"
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(copy))
    with closing(psycopg.connect(server, autocommit=True)) as admin:
        admin.execute(drop)
        make = sql.SQL("create database {} template {}")
        admin.execute(make.format(sql.Identifier(copy), sql.Identifier(name)))
        try:
            yield make_conninfo(server, dbname=copy)
        finally:
            admin.execute(drop)


def _fill(dsn: str, runs: int) -> None:
    migrate.migrate(dsn)
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        if _one(connection, "select count(*) from runs") == runs:
            return
        connection.execute("truncate logs, runs")
        connection.execute((_HERE / "fill_runs.sql").read_bytes(), {"runs": runs})
        part = (_HERE / "fill_logs.sql").read_bytes()
        for first in range(0, runs, _PART):
            connection.execute(part, {"first": first, "runs": _PART})
        for (run_id,) in connection.execute("select id from runs").fetchall():
            connection.execute(statements.statement("delivery/tell_run", "public"), {"id": run_id})
        connection.execute("vacuum analyze runs")
        connection.execute("vacuum analyze logs")


def _sizes(dsn: str) -> Figures:
    with psycopg.connect(dsn, autocommit=True) as connection:
        entries = _one(connection, "select count(*)::float8 from logs")
        pieces = connection.execute(_BYTES).fetchall()
        return {
            "entries": int(entries),
            "runs": _one(connection, "select count(*) from runs"),
            "bytes": {name: size / entries for name, size in pieces},
        }


def _write(dsn: str) -> Figures:
    """Let runlog deliver more entries, in another process; the log of others is in it now and then."""
    samples = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(_WARMUP + _TURNS):
            connection.execute("checkpoint")
            wal, seconds = _one(connection, _LSN), _seconds_of_sessions(connection)
            in_child("growth", "deliver", calls=_WRITTEN, dsn=dsn)
            while _one(connection, SESSIONS):
                time.sleep(0.05)
            # Its time is its parent's only after its end, which is later than the session's.
            time.sleep(1)
            seconds = _seconds_of_sessions(connection) - seconds
            samples.append((seconds / _WRITTEN * 1e6, (_one(connection, _LSN) - wal) / _WRITTEN))
    us, wal_bytes = map(statistics.median, zip(*samples[_WARMUP:], strict=True))
    return {"us": us, "wal_bytes": wal_bytes}


def _seconds_of_sessions(connection: psycopg.Connection[Any]) -> float:
    """Return the processor time of all sessions that are over; the clock, if the server is elsewhere.

    Linux adds the time of children that ended to that of their parent:
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    session = Path(f"/proc/{connection.info.backend_pid}/stat")
    if not session.exists():
        return time.perf_counter()
    parent = session.read_text().rpartition(")")[2].split()[1]
    fields = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _delete(dsn: str) -> Figures:
    with psycopg.connect(dsn, autocommit=True) as connection:
        before, began = _one(connection, _LSN), time.perf_counter()
        done = retention.prune(dsn, older_than=_OLD)
        return {
            "seconds": time.perf_counter() - began,
            "entries": done.entries,
            "runs": done.runs,
            "wal_bytes": _one(connection, _LSN) - before,
        }


def _partition(dsn: str) -> float:
    began = time.perf_counter()
    migrate.migrate(dsn, layout="partitioned")
    return time.perf_counter() - began


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
