"""Questions for whoever reads one run on a page: its numbered lines, its volume, its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog._database.reading import Source, fetch
from runlog.queries import _parameters as parameters
from runlog.queries._rows import Entry, Run

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Entry):
    """One row of ``logs`` and its number in its run, counted from 1 in order."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How many entries of one level a run logged in one of the equal parts of its time.

    Attributes:
        part: from 0; None when all entries of the run are of one moment.
    """

    part: int | None
    level: str
    entries: int
    first_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualRun:
    """The medians of a script's newest successes; all None when there are none.

    Attributes:
        runs: how many successes these are the medians of.
    """

    runs: int
    duration_ms: float | None
    p95_duration_ms: float | None
    records_fetched: float | None
    records_inserted: float | None
    records_updated: float | None
    records_failed: float | None
    calls_analyzed: float | None
    api_cost: Decimal | None


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


def lines_of_run(
    source: Source = None,
    *,
    run_id: UUID,
    schema: str | None = None,
    level: str | None = None,
    step: str | None = None,
    text: str | None = None,
    before_number: int | None = None,
    from_number: int | None = None,
    limit: int = 5000,
) -> list[Line]:
    """Return the last lines of a run that match, in order, each with its number in the run.

    Args:
        source: where to ask; default: the database of the environment.
        run_id: the run.
        schema: the schema of the tables; default: the setting ``schema``.
        level: this level and those above.
        step: a step's name, or a pattern.
        text: what message or meta must contain, in any case.
        before_number: only lines before this one.
        from_number: this line and those after it; the first of them instead of the last.
        limit: at most so many.
    """
    return fetch(
        source,
        schema,
        "lines_of_run",
        Line,
        run_id=run_id,
        limit=limit,
        before_number=before_number,
        from_number=from_number,
        **parameters.at_least(level),
        **parameters.matching("step", step),
        **parameters.containing(text),
    )


def volume_of_run(
    source: Source = None, *, run_id: UUID, schema: str | None = None, parts: int = 60
) -> list[Volume]:
    """Return how much a run logged of each level, over its time in so many equal parts."""
    return fetch(source, schema, "volume_of_run", Volume, run_id=run_id, parts=parts)


def usual_run(
    source: Source = None,
    *,
    script: str,
    schema: str | None = None,
    until: datetime | None = None,
    sample: int = 30,
) -> UsualRun:
    """Return what is usual for a script: medians of its newest successes that began before then."""
    (usual,) = fetch(
        source, schema, "usual_run", UsualRun, script=script, until=until, sample=sample
    )
    return usual


def run_after(source: Source = None, *, run: Run, schema: str | None = None) -> Run | None:
    """Return the run of the same script that began next; None if there is none yet."""
    found = fetch(
        source,
        schema,
        "run_after",
        Run,
        script=run.script_name,
        after_at=run.started_at,
        after_id=run.id,
    )
    return next(iter(found), None)


def runs_with_number(
    source: Source = None, *, number: int, schema: str | None = None
) -> list[UUID]:
    """Return the ids of the runs with this ``legacy_id``, at most two: is it unique?"""
    return [row.id for row in fetch(source, schema, "runs_with_number", _Id, number=number)]
