"""Deleting what is old: entries first, then their runs, in batches that nobody notices.

What stays whatever its age: runs that have not ended; of each script its newest run (or its newest
``keep_last``), for each of its sync modes the newest success, and the row on which a cursor stands.
They answer how a script stands and from where its next sync goes on. Age is that of the run:
``runs.started_at``.

A batch is a transaction: some runs with their entries. Locks are short, and an interrupted
``prune`` has simply done a part. A batch that PostgreSQL refuses, for a foreign key or a trigger of
somebody else's, is halved down to the run that has to stay; that one keeps its entries and is told.
Runs on the caller's thread and waits for the database; any thread may call it. The statements are
in ``sql/retention``; the procedure ``runlog_prune`` in the database follows the same rules for
schedulers there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runlog._database import driver, statements
from runlog._database.committing import committing
from runlog._database.faults import is_in_the_way, is_of_a_row
from runlog._database.reading import Source, now_of, rows_of, translated
from runlog._settings import resolve
from runlog.errors import QueryError, SchemaError
from runlog.queries import _parameters as parameters
from runlog.retention._candidates import Candidate, Plan, batches, pages
from runlog.retention._partitions import Partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runlog._database.driver import Connection

ENDED = ("success", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was deleted, or with ``dry_run`` would be.

    Attributes:
        is_complete: False when ``max_seconds`` ended it before the work was done.
        refused: so many runs have to stay: something in the database refuses that they go.
        refusal: which run, and what PostgreSQL says about it; that of the first.
    """

    runs: int
    entries: int
    is_complete: bool = True
    refused: int = 0
    refusal: str = ""


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
    with translated(source, schema, "change"), committing(source) as connection:
        now = now_of(connection)
        plan = Plan(
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
            return _count(connection, plan)
        return _Pruning(connection, plan, on_progress).prune()


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


def _count(connection: Connection[Any], plan: Plan) -> Pruned:
    found = [run for page in pages(connection, plan) for run in page]
    ripe = sum(run.is_ripe for run in found)
    return Pruned(runs=ripe, entries=sum(run.entries for run in found))


class _KeptSilentlyError(Exception):
    """PostgreSQL said yes to a deletion and a row is still there."""


class _Pruning:
    """One call: what is gone so far, and what had to stay."""

    def __init__(
        self, connection: Connection[Any], plan: Plan, on_progress: Callable[[Pruned], None]
    ) -> None:
        self._connection = connection
        self._plan = plan
        self._on_progress = on_progress
        self._done = Pruned(runs=0, entries=0)
        self._has_obstacles = False

    def prune(self) -> Pruned:
        """Delete page after page until nothing is left or the time is over."""
        obstacles = _text("has_obstacles", self._plan)
        self._has_obstacles, may_delete = _one(self._connection, obstacles, {})
        if may_delete is False:
            # Told also while nothing is due, and not only on the day when something is.
            raise SchemaError(
                "this role may not delete from runs and logs; connect as the owner of the tables"
            )
        # Where nobody can refuse, what is a part of a run may go before the rest does.
        may_part = not self._has_obstacles
        if may_part:
            self._retire()
        for page in pages(self._connection, self._plan):
            for batch in batches(page, self._plan.batch_size):
                if may_part and not self._part(batch):
                    return replace(self._done, is_complete=False)
                self._delete(batch)
                if self._is_late():
                    return replace(self._done, is_complete=False)
        return self._done

    def _retire(self) -> None:
        """Drop whole partitions that are old, where there are any of ours."""
        partitions = Partitions(self._connection, self._plan.schema)
        if not partitions.are_ours():
            return
        partitions.make_months()
        before = self._plan.logs_before
        if not partitions.has_old(before):
            return
        going = [run.id for page in pages(self._connection, self._plan) for run in page]
        for entries in partitions.retire(before, going):
            self._note(0, entries)

    def _part(self, batch: list[Candidate]) -> bool:
        """Delete what is more than one batch of a run's entries; False when the time is over."""
        size = self._plan.batch_size
        for _ in range((sum(run.entries for run in batch) - 1) // size):
            self._note(0, self._run("delete_entries", batch, limit=size))
            if self._is_late():
                return False
        return True

    def _delete(self, batch: list[Candidate]) -> None:
        """Delete these runs, all that go; halve them where PostgreSQL refuses."""
        try:
            with self._connection.transaction():
                entries = self._run("delete_entries", batch, limit=parameters.EVERYTHING)
                ripe = [run for run in batch if run.is_ripe]
                runs = self._run("delete_runs", ripe) if ripe else 0
                if self._has_obstacles:
                    self._verify(batch, ripe)
        except (driver.Error, _KeptSilentlyError) as error:
            if isinstance(error, driver.Error) and not (is_of_a_row(error) or is_in_the_way(error)):
                raise
            if len(batch) > 1:
                middle = len(batch) // 2
                self._delete(batch[:middle])
                self._delete(batch[middle:])
            else:
                self._leave(batch[0], error)
        else:
            self._note(runs, entries)

    def _verify(self, batch: list[Candidate], ripe: list[Candidate]) -> None:
        """Look whether all of it went: a trigger can keep a row without an error."""
        values = {
            "ids": [run.id for run in batch],
            "ripe": [run.id for run in ripe],
            "statuses": self._plan.statuses,
        }
        (has_left,) = _one(self._connection, _text("has_left", self._plan), values)
        if has_left:
            raise _KeptSilentlyError("a trigger or rule keeps it or its entries without an error")

    def _run(self, name: str, batch: list[Candidate], **values: Any) -> int:
        values |= {"ids": [run.id for run in batch], "statuses": self._plan.statuses}
        return self._connection.execute(_text(name, self._plan), values, prepare=False).rowcount

    def _note(self, runs: int, entries: int) -> None:
        done = self._done
        self._done = replace(done, runs=done.runs + runs, entries=done.entries + entries)
        self._on_progress(self._done)

    def _leave(self, run: Candidate, error: Exception) -> None:
        # The lines after the first show the row.
        said = (str(error).strip() or repr(error)).splitlines()[0]
        refusal = self._done.refusal or f"run {run.id} cannot go: {said}"
        self._done = replace(self._done, refused=self._done.refused + 1, refusal=refusal)

    def _is_late(self) -> bool:
        return time.monotonic() > self._plan.deadline


def _one(connection: Connection[Any], sql: bytes, values: dict[str, Any]) -> Any:
    return next(iter(rows_of(connection, sql, values, driver.tuple_row)), None)


def _text(name: str, plan: Plan) -> bytes:
    return statements.statement(f"retention/{name}", plan.schema)
