"""What engines that speak PostgreSQL's language do otherwise, where nothing else would tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._checks.asking import rows
from runlog._checks.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection

_CHECK = "engine"
_PAGE = "see the page on Citus and other engines"


class Engine(NamedTuple):
    """What a server says of itself; ``is_hypertable``: one of the tables is TimescaleDB's."""

    version: str
    extensions: list[str]
    is_neon: bool
    is_hypertable: bool


class Cluster(NamedTuple):
    """How the tables lie in a Citus cluster: how many of the two are ``spread`` over its nodes."""

    is_coordinator: bool
    spread: int
    are_together: bool | None


def examine_engine(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    """Return what to know of the engine behind ``connection``; nothing on a plain PostgreSQL."""
    engine = Engine(*rows(connection, "engine", schema)[0])
    yield from engine_findings(engine)
    if "citus" in engine.extensions:
        yield from cluster_findings(Cluster(*rows(connection, "cluster", schema)[0]))


def engine_findings(engine: Engine) -> Iterator[Finding]:
    """Return what ``engine`` does otherwise."""
    if engine.version.startswith("CockroachDB"):
        yield _warning(
            "CockroachDB, on which runlog was never run; in releases whose advisory locks always "
            "say yes, two runs of a script start in spite of overlap=, and nothing tells",
            "use PostgreSQL, or leave overlap= at allow and have the scheduler start one at a time",
        )
    elif "-YB-" in engine.version:
        yield _warning(
            "YugabyteDB, on which runlog was never run; advisory locks, which overlap= needs, are "
            "behind a flag, and keys are hashed, so what is asked by time reads the whole table",
            f"use PostgreSQL, or try both before you rely on it; {_PAGE}",
        )
    if engine.is_neon:
        yield Finding(
            check=_CHECK,
            state="note",
            found="Neon: it sleeps when idle, and an open run's heartbeat keeps it awake",
        )
    if engine.is_hypertable:
        yield _warning(
            "runs or logs is a hypertable of TimescaleDB: a retention policy of its own drops "
            "entries on which a cursor or a script's state stands, and nothing tells",
            f'leave deleting to "runlog prune", and keep runs a plain table; {_PAGE}',
        )


def cluster_findings(cluster: Cluster) -> Iterator[Finding]:
    """Return how the tables of a Citus cluster lie, and whether this is the place to write to."""
    if not cluster.is_coordinator:
        yield _warning(
            "a worker of a Citus cluster: locks and numbers of runs are each node's own, so "
            "overlap= lets two runs through and a cursor may go back, and nothing tells",
            "name the coordinator in RUNLOG_DSN",
        )
    elif not cluster.spread:
        yield Finding(
            check=_CHECK,
            state="note",
            found='Citus; the tables lie on one node, "runlog migrate --layout citus" spreads them',
        )
    elif cluster.spread == 1 or not cluster.are_together:
        yield _warning(
            "runs and logs are not spread together over the Citus cluster (runs by id, logs by "
            "run_id), so questions that need both are refused or slow",
            f"spread both anew, together; {_PAGE}",
        )
    else:
        found = "Citus; a run and its entries lie on one node"
        yield Finding(check=_CHECK, state="ok", found=found)


def _warning(found: str, remedy: str) -> Finding:
    return Finding(check=_CHECK, state="warning", found=found, remedy=remedy)
