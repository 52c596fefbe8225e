"""The table of everything that is measured: what, against whom, and how far it should reach.

A measure names a group (the function that yields the contenders, which take turns once for all
measures of the group), two contenders of it, and the figure of their samples that it compares.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from contextlib import ExitStack

    from server import Server

Side = Literal["ratio", "ours", "difference"]


@dataclass(frozen=True, slots=True)
class Goal:
    """How far a measure should reach: the median of ``of`` is at most, or at least, ``limit``."""

    of: Side
    limit: float
    at_least: bool = False

    def is_reached(self, figure: float) -> bool:
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the table.

    Attributes:
        name: on the command line.
        title: in the table.
        group: ``module.function`` that yields the contenders.
        figure: of the samples; its last word is the unit.
        ours: contender.
        theirs: contender that it is compared with; None when there is none.
        against: what they are, in words.
        goals: none when the row only informs.
        times: rounds for each that was asked for; more where a turn is short and wavers.
        large: only with ``--large``.
        gain: the ratio is theirs / ours, for measures that say "n times faster".
        how: for the page.
    """

    name: str
    title: str
    group: str
    figure: str
    ours: str = "runlog"
    theirs: str | None = None
    against: str = "-"
    goals: tuple[Goal, ...] = ()
    gain: bool = False
    times: int = 1
    large: bool = False
    how: str = ""


@dataclass
class Bench:
    """What the groups need to know; the server is started when the first of them asks.

    Attributes:
        scale: 1 for the sizes of the table, less for a quick look.
        large: also what takes very long.
        absent: the address of a database that is not there.
        load: how busy the machine was before.
    """

    stack: ExitStack
    scale: float = 1.0
    large: bool = False
    absent: str = field(init=False)
    load: float = field(init=False)

    def __post_init__(self) -> None:
        from server import absent

        self.absent = absent()
        self.load = os.getloadavg()[0]

    @cached_property
    def server(self) -> Server:
        from server import open_server

        return self.stack.enter_context(open_server())

    def scaled(self, calls: int) -> int:
        """Return how many calls are made instead of ``calls``."""
        return max(100, int(calls * self.scale))


def at_most(limit: float, of: Side = "ratio") -> tuple[Goal]:
    return (Goal(of, limit),)


def at_least(limit: float) -> tuple[Goal]:
    return (Goal("ratio", limit, at_least=True),)


_STREAM = (
    "200,000 calls at full speed with step and meta, less the same loop with a NullHandler. "
    "runlog delivers to PostgreSQL all the while and keeps the interpreter busy with it; "
)
_QUEUE = "QueueHandler + QueueListener that drains to nothing"
_JSON = "FileHandler + python-json-logger"
_OTEL = "OpenTelemetry BatchLogRecordProcessor, exporter of nothing"
_ABSENT = (
    "As the row with a healthy database, but connections are refused: no delivery shares the CPU."
)
_CPU = "CPU time of the whole process, all threads, until everything is drained or delivered."
_CALLER = (
    "CPU time of the thread that logs, less that of the NullHandler's loop: without the waiting "
    "for other threads, and steadier than the wall's clock on a busy machine."
)
_INSERT = "one INSERT a line, autocommit"
_FAR = f"{_INSERT}, 20 ms round trip"

MEASURES = (
    Measure("emit-queue", "emit, 1 thread, database healthy", "emit.contenders", "net_us",
        theirs="queue", against=_QUEUE, goals=at_most(0.9),
        how=_STREAM + "the listener drains to a NullHandler, also while the caller logs."),
    Measure("emit-json", "emit, 1 thread, database healthy", "emit.contenders", "net_us",
        theirs="json file", against=_JSON, goals=at_most(0.6),
        how=_STREAM + "the peer writes one JSON line a call to a file."),
    Measure("emit-otel", "emit, 1 thread, database healthy", "emit.contenders", "net_us",
        theirs="opentelemetry", against=_OTEL, goals=at_most(0.35),
        how=_STREAM + "the peer keeps 2048 records at most and drops the rest."),
    Measure("emit-absent-queue", "emit, 1 thread, database absent", "emit.contenders", "net_us",
        ours="runlog absent", theirs="queue", against=_QUEUE, how=_ABSENT),
    Measure("emit-absent-json", "emit, 1 thread, database absent", "emit.contenders", "net_us",
        ours="runlog absent", theirs="json file", against=_JSON, goals=at_most(0.45), how=_ABSENT),
    Measure("emit-caller-queue", "CPU of the calling thread alone", "emit.contenders", "caller_us",
        theirs="queue", against=_QUEUE, how=_CALLER),
    Measure("emit-caller-json", "CPU of the calling thread alone", "emit.contenders", "caller_us",
        theirs="json file", against=_JSON, how=_CALLER),
    Measure("emit-cpu-queue", "CPU of emit and delivery", "emit.contenders", "cpu_us",
        theirs="queue", against=_QUEUE, how=_CPU),
    Measure("emit8-queue", "emit, 8 threads, database healthy", "emit.contenders_8", "net_us",
        theirs="queue", against=_QUEUE, goals=at_most(0.5),
        how="As with one thread; the calls are shared by 8 threads, and the time is the total's."),
    Measure("emit8-absent-queue", "emit, 8 threads, database absent", "emit.contenders_8", "net_us",
        ours="runlog absent", theirs="queue", against=_QUEUE, how=_ABSENT),
    Measure("processor-json", "structlog processor, database healthy", "processor.contenders",
        "net_us", theirs="renderer", against="JSONRenderer + WriteLogger to a file",
        goals=at_most(1.2), how="200,000 events through merge_contextvars, add_log_level and "
        "TimeStamper, less the same chain with nothing at its end."),
    Measure("processor-absent-json", "structlog processor, database absent",
        "processor.contenders", "net_us", ours="runlog absent", theirs="renderer",
        against="JSONRenderer + WriteLogger to a file", how=_ABSENT),
    Measure("processor-caller-json", "structlog processor, CPU of the calling thread alone",
        "processor.contenders", "caller_us", theirs="renderer",
        against="JSONRenderer + WriteLogger to a file", how=_CALLER),
    Measure("stall-p99", "emit p99, database black-holed", "stall.contenders", "p99_ms",
        goals=at_most(1.0, "ours"), how="Each of 200,000 calls timed by itself, at full speed, "
        "while a proxy swallows all that goes to PostgreSQL; nothing is taken off."),
    Measure("stall-p999", "emit p99.9, database black-holed", "stall.contenders", "p999_ms",
        how="Of the same calls."),
    Measure("stall-max", "emit maximum, database black-holed", "stall.contenders", "max_ms",
        how="The slowest of the same calls; the machine's own pauses are in it."),
    Measure("bulk-copy", "300,000 calls until committed", "delivery.bulk", "seconds",
        theirs="copy", against="psql \\copy of the same rows", goals=at_least(0.8), gain=True,
        how="From the first call until flush() says that all is committed, against loading a file "
        "that is ready, into the same table with all indexes of the migrations."),
    Measure("bulk-backlog", "300,000 entries that wait until committed", "delivery.bulk", "seconds",
        ours="runlog backlog", theirs="copy", against="psql \\copy of the same rows", goals=at_least(0.95), gain=True,
        how="What delivery alone takes: a lock on the table held everything back until all calls "
        "were made; from its release until flush() says that all is committed."),
    Measure("lines-insert", "5,000 calls until committed", "delivery.lines", "seconds",
        theirs="insert", against=_INSERT, goals=at_least(50), gain=True,
        how="The documented way as good as psycopg does it: one open connection, prepared."),
    Measure("lines-far", "5,000 calls until committed, 20 ms away", "delivery.lines", "seconds",
        ours="runlog far", theirs="insert far", against=_FAR, goals=at_least(500), gain=True,
        how="Through a proxy that holds every byte back for 10 ms each way; the documented way is "
        "measured over 200 lines and scaled to 5,000."),
    Measure("memory", "growth while 1,000,000 calls meet no database", "memory.contenders",
        "growth_mib", goals=at_most(10, "ours"), how="VmRSS before and after, with a spool limit "
        "that holds everything; the kernel's cache of the spool's files is not in it."),
    Measure("import", "import runlog beyond import logging", "startup.imports", "import_ms",
        theirs="psycopg", against="import psycopg",
        goals=(Goal("ours", 22),), times=3,
        how="In fresh interpreters whose bytecode is cached, after import logging."),
    Measure("process-working", "a script of 20 log lines that works 0.3 s, whole process",
        "startup.process", "wall_ms", ours="runlog working", theirs="plain working",
        against="the same script without runlog", goals=at_most(60, "difference"), times=3,
        how="As the next row, with a pause of 15 ms after each line."),
    Measure("process", "a script of 20 log lines, whole process", "startup.process", "wall_ms",
        theirs="plain", against="the same script without runlog",
        goals=at_most(110, "difference"), times=3, how="runlog.install() with a healthy database against "
        "basicConfig alone, from the start of the process to its end."),
    Measure("growth-time", "time an entry, 1 M against 100 k", "growth.contenders", "us_per_entry",
        ours="1 M", theirs="100 k", against="100 k entries", goals=at_most(1.25),
        how="Logged and waited for in parts of 100,000, so that no backlog hides in the figure."),
    Measure("growth-memory", "memory, from 100 k to 1 M", "growth.contenders", "growth_mib",
        ours="1 M", goals=at_most(10, "ours"), how="VmRSS after the last part less that after the "
        "first."),
    Measure("growth-wal", "write-ahead log an entry at 1 M", "growth.contenders", "wal_bytes",
        ours="1 M", theirs="1 M random ids", against="the same rows with random ids, \\copy",
        how="The distance of pg_current_wal_insert_lsn() over the load, after a checkpoint."),
    Measure("growth-index", "index of ids, an entry at 1 M", "growth.contenders",
        "id_index_bytes", ours="1 M", theirs="1 M random ids",
        against="the same rows with random ids, \\copy", how="pg_relation_size of the primary key."),
    Measure("growth-reads", "pages of that index read in, for 1,000 entries", "growth.contenders",
        "id_reads_pages", ours="1 M", theirs="1 M random ids",
        against="the same rows with random ids, \\copy",
        how="pg_statio_user_indexes: pages that were not in the server's buffers when needed."),
    Measure("growth-time-large", "time an entry, 10 M against 1 M", "growth.contenders",
        "us_per_entry", ours="10 M", theirs="1 M", against="1 M entries", goals=at_most(1.25),
        large=True, how="As above, with --large."),
    Measure("growth-memory-large", "memory, from 100 k to 10 M", "growth.contenders",
        "growth_mib", ours="10 M", goals=at_most(10, "ours"), large=True,
        how="As above, with --large."),
)  # fmt: skip
