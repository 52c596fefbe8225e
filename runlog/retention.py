"""Deleting what is old: entries first, then their runs, in batches that nobody notices.

What stays whatever its age: runs that have not ended; of each script its newest run (or its newest
``keep_last``) and, for each of its sync modes, the newest success. They answer how a script stands
and from where its next sync goes on. Age is that of the run: ``runs.started_at``.

One statement a batch, each committed by itself: locks are short, and an interrupted ``prune`` has
simply done a part. Runs on the caller's thread and waits for the database; any thread may call it.
The statements are in ``sql/retention``; the procedure ``runlog_prune`` in the database follows the
same rules for schedulers there.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runlog._database import statements
from runlog._database.reading import Source, connect, translated
from runlog._settings import resolve
from runlog.errors import QueryError, RunlogError
from runlog.queries import _parameters as parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection

_RUNS_A_PAGE = 200
ENDED = ("success", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was deleted, or with ``dry_run`` would be.

    Attributes:
        is_complete: False when ``max_seconds`` ended it before the work was done.
    """

    runs: int
    entries: int
    is_complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What one call is to delete: everything about it that does not change from page to page."""

    schema: str
    runs_before: datetime
    logs_before: datetime
    statuses: list[str]
    keep_last: int
    script: str | None
    batch_size: int
    deadline: float

    @property
    def filters(self) -> dict[str, Any]:
        return {
            "before": max(self.runs_before, self.logs_before),
            "runs_before": self.runs_before,
            "statuses": self.statuses,
            "keep_last": self.keep_last,
            **parameters.matching("script", self.script),
        }


def prune(
    source: Source = None,
    *,
    older_than: timedelta,
    logs_older_than: timedelta | None = None,
    schema: str | None = None,
    statuses: Sequence[str] = ENDED,
    keep_last: int = 1,
    script: str | None = None,
    dry_run: bool = False,
    max_seconds: float | None = None,
    batch_size: int = 5000,
    on_progress: Callable[[Pruned], None] = lambda _: None,
) -> Pruned:
    """Delete runs that began longer ago than ``older_than``, with their entries.

    Args:
        source: where; default: the database of the environment. A connection must be in no
            transaction, since each batch is committed.
        older_than: the age from which a run goes, by the database's clock.
        logs_older_than: the age from which the entries of a run go; default: with the run.
        schema: the schema of the tables; default: the setting ``schema``.
        statuses: only runs that ended like this; ``running`` is never among the default.
        keep_last: so many of the newest runs of each script stay, at least one.
        script: only this script, or those that match a pattern.
        dry_run: delete nothing and tell what would go.
        max_seconds: end after the batch in which this time has passed.
        batch_size: entries in one statement.
        on_progress: told after each batch what is gone so far.

    Raises:
        QueryError: an argument cannot be meant.
        DatabaseUnavailableError: there is no database, or it went away; what is gone is gone.
        SchemaError: the tables are missing, or this role may not delete from them.
    """
    _check(older_than, logs_older_than, statuses, keep_last)
    schema = schema or resolve().schema
    with translated(source, schema), _connection(source) as connection:
        now = _one(connection, b"select now()", {})[0]
        plan = _Plan(
            schema=schema,
            runs_before=now - older_than,
            logs_before=now - min(logs_older_than or older_than, older_than),
            statuses=list(statuses),
            keep_last=keep_last,
            script=script,
            batch_size=batch_size,
            deadline=time.monotonic() + (max_seconds or float("inf")),
        )
        if dry_run:
            runs, entries = _one(connection, _text("count", plan), plan.filters)
            return Pruned(runs=runs, entries=entries)
        return _delete(connection, plan, on_progress)


def _check(
    older_than: timedelta,
    logs_older_than: timedelta | None,
    statuses: Sequence[str],
    keep_last: int,
) -> None:
    if min(older_than, logs_older_than or older_than) < timedelta():
        raise QueryError("a negative age would delete what has not happened yet; use 30d or so")
    if keep_last < 1:
        raise QueryError(
            f"keep_last={keep_last!r} cannot be: the newest run of a script stays; use 1"
        )
    unknown = sorted(set(statuses) - {*ENDED, "running"})
    if unknown or not statuses:
        raise QueryError(f"statuses {list(statuses)!r} cannot be used; use success, error, running")


def _delete(
    connection: Connection[Any], plan: _Plan, on_progress: Callable[[Pruned], None]
) -> Pruned:
    runs = entries = 0
    for page in _pages(connection, plan):
        ids = [run_id for run_id, _, _ in page]
        for gone in _delete_entries(connection, plan, ids):
            entries += gone
            on_progress(Pruned(runs=runs, entries=entries))
            if time.monotonic() > plan.deadline:
                return Pruned(runs=runs, entries=entries, is_complete=False)
        ripe = [run_id for run_id, _, is_ripe in page if is_ripe]
        runs += _count(connection, plan, "delete_runs", {"ids": ripe, "statuses": plan.statuses})
        on_progress(Pruned(runs=runs, entries=entries))
    return Pruned(runs=runs, entries=entries)


def _pages(connection: Connection[Any], plan: _Plan) -> Iterator[list[tuple[UUID, datetime, bool]]]:
    """Yield pages of runs whose entries go, and whether the run itself goes; oldest first."""
    from psycopg.rows import tuple_row

    place: dict[str, Any] = {"after_at": None, "after_id": None}
    while True:
        values = {**plan.filters, **place, "limit": _RUNS_A_PAGE}
        with connection.cursor(row_factory=tuple_row) as cursor:
            page = cursor.execute(_text("find_runs", plan), values, prepare=False).fetchall()
        if not page:
            return
        yield [
            (run_id, started_at, is_ripe) for run_id, started_at, is_ripe, kept in page if not kept
        ]
        place = {"after_at": page[-1][1], "after_id": page[-1][0]}


def _delete_entries(connection: Connection[Any], plan: _Plan, ids: list[UUID]) -> Iterator[int]:
    while ids:
        gone = _count(connection, plan, "delete_entries", {"ids": ids, "limit": plan.batch_size})
        yield gone
        if gone < plan.batch_size:
            return


def _count(connection: Connection[Any], plan: _Plan, name: str, values: dict[str, Any]) -> int:
    return connection.execute(_text(name, plan), values, prepare=False).rowcount


def _one(connection: Connection[Any], sql: bytes, values: dict[str, Any]) -> Any:
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(sql, values or None, prepare=False).fetchone()


def _text(name: str, plan: _Plan) -> bytes:
    return statements.statement(f"retention/{name}", plan.schema)


@contextmanager
def _connection(source: Source) -> Iterator[Connection[Any]]:
    """Yield a connection on which each statement is a transaction."""
    from psycopg import Connection
    from psycopg.pq import TransactionStatus

    if source is None or isinstance(source, str):
        with connect(source) as connection:
            yield connection
        return
    if not isinstance(source, Connection):
        with source.connection() as connection, _committing(connection):
            yield connection
        return
    if source.info.transaction_status != TransactionStatus.IDLE:
        raise RunlogError(
            "the connection is in a transaction, and pruning commits each batch; commit first"
        )
    with _committing(source):
        yield source


@contextmanager
def _committing(connection: Connection[Any]) -> Iterator[None]:
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before
