"""Which runs go: the pages of what retention deletes, oldest first, and what of them stays.

Kept is what tells how a script stands: one of its newest runs, its newest success in each sync
mode, and whatever a cursor stands on: that is what ``find_cursor.sql`` names, for the script and
for each cursor that one of these runs has by another name. A cursor that a person set is no run,
and a backfill tells nothing of the script: they are kept for nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import driver, statements
from runlog._database.reading import rows_of
from runlog.queries import _parameters as parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from runlog._database.driver import Connection

_RUNS_A_PAGE = 200


class Candidate(NamedTuple):
    """A run whose entries go, so many; ``is_ripe``: and its row too."""

    id: UUID
    is_ripe: bool
    entries: int


class _Old(NamedTuple):
    """A run that is old enough, before it is known whether it stays."""

    id: UUID
    started_at: datetime
    script_name: str
    cursor_name: str | None
    is_ripe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
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


def pages(connection: Connection[Any], plan: Plan) -> Iterator[list[Candidate]]:
    """Yield pages of what goes, oldest first."""
    kept = _Kept(connection, plan)
    place: dict[str, Any] = {"after_at": None, "after_id": None}
    while True:
        values = {**plan.filters, **place, "limit": _RUNS_A_PAGE}
        sql = statements.statement("retention/find_runs", plan.schema)
        page = rows_of(connection, sql, values, driver.class_row(_Old))
        if not page:
            return
        going = [run for run in page if not kept.holds(run)]
        entries = _count_entries(connection, plan.schema, going)
        yield [Candidate(run.id, run.is_ripe, entries.get(run.id, 0)) for run in going]
        place = {"after_at": page[-1].started_at, "after_id": page[-1].id}


class _Kept:
    """The runs that stay, asked for when the first run of a script, or of a cursor, is met.

    What is newer than that moment only adds to what stays.
    """

    def __init__(self, connection: Connection[Any], plan: Plan) -> None:
        self._connection = connection
        self._plan = plan
        self._asked: set[tuple[str, str]] = set()
        self._ids: set[UUID] = set()

    def holds(self, run: _Old) -> bool:
        """Tell whether ``run`` stays."""
        name = run.script_name
        values = {"script_name": name, "keep_last": self._plan.keep_last}
        self._ask("retention/find_kept", name, values)
        self._ask("cursor/find_cursor", name, {"cursor": name, "is_named": False})
        if (cursor := run.cursor_name) is not None:
            self._ask("cursor/find_cursor", f"={cursor}", {"cursor": cursor, "is_named": True})
        return run.id in self._ids

    def _ask(self, statement: str, of: str, values: dict[str, Any]) -> None:
        if (statement, of) in self._asked:
            return
        self._asked.add((statement, of))
        sql = statements.statement(statement, self._plan.schema)
        rows = rows_of(self._connection, sql, values, driver.tuple_row)
        self._ids.update(row[0] for row in rows)


def _count_entries(connection: Connection[Any], schema: str, runs: list[_Old]) -> dict[UUID, int]:
    if not runs:
        return {}
    sql = statements.statement("retention/count_entries", schema)
    values = {"ids": [run.id for run in runs]}
    return dict(rows_of(connection, sql, values, driver.tuple_row))


def batches(page: list[Candidate], size: int) -> Iterator[list[Candidate]]:
    """Yield neighbours that have together at most ``size`` entries; a bigger run comes alone."""
    batch: list[Candidate] = []
    for run in page:
        if batch and sum(it.entries for it in batch) + run.entries > size:
            yield batch
            batch = []
        batch.append(run)
    if batch:
        yield batch
