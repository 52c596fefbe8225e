"""Which runs go: the pages of what retention deletes, oldest first.

The rules of what stays are in ``find_runs.sql``; the rule of a cursor is put into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import driver, statements
from runlog.queries import _parameters as parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from runlog._database.driver import Connection

_RUNS_A_PAGE = 200


class Candidate(NamedTuple):
    """A run whose entries go; ``is_ripe``: and its row too."""

    id: UUID
    started_at: datetime
    is_ripe: bool
    is_kept: bool
    entries: int


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
    place: dict[str, Any] = {"after_at": None, "after_id": None}
    while True:
        values = {**plan.filters, **place, "limit": _RUNS_A_PAGE}
        with connection.cursor(row_factory=driver.class_row(Candidate)) as cursor:
            page = cursor.execute(_find_runs(plan.schema), values, prepare=False).fetchall()
        if not page:
            return
        yield [run for run in page if not run.is_kept]
        place = {"after_at": page[-1].started_at, "after_id": page[-1].id}


@lru_cache
def _find_runs(schema: str) -> bytes:
    """Return the statement, with the one rule of where a cursor stands put into it."""
    rule = statements.text("cursor/find_cursor").decode().replace("%(cursor)s", "wanted.name")
    found = statements.fill(
        statements.whole(statements.text("retention/find_runs")),
        cursor_of_script=rule.replace("%(is_named)s", "false"),
        cursor_of_name=rule.replace("%(is_named)s", "true"),
    )
    return statements.fill(found, schema=statements.identifier(schema, setting="schema"))


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
