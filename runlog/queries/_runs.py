"""Questions about single runs and lists of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._database.reading import Source, fetch
from runlog.queries import _parameters as parameters
from runlog.queries._rows import LastSuccess, Run, RunDetail, RunningRun, Step
from runlog.queries._states import in_state

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from runlog.queries._parameters import Since


def last_runs(
    source: Source = None,
    *,
    schema: str | None = None,
    limit: int = 10,
    script: str | None = None,
    status: str | None = None,
    triggered_by: str | None = None,
    sync_mode: str | None = None,
    batch_id: UUID | None = None,
    host: str | None = None,
    text: str | None = None,
    since: Since | None = None,
    until: datetime | None = None,
    before: Run | None = None,
) -> list[Run]:
    """Return what ran lately, newest first.

    Args:
        source: where to ask; default: the database of the environment.
        schema: the schema of the tables; default: the setting ``schema``.
        limit: at most so many.
        script: a script's name, or a pattern.
        status: ``running``, ``success``, ``error``, or finer ``crashed``, ``partial``, ``lost``.
        triggered_by: what started it, such as ``cron``.
        sync_mode: such as ``full``. Two words find what is left out otherwise: ``cursor`` what a
            person set, ``backfill`` the backfills.
        batch_id: of this batch, also its backfills.
        host: the machine, for runs that runlog wrote.
        text: what script, error message or metadata must contain, in any case.
        since: started then or later.
        until: started before.
        before: the last run of the page before.
    """
    return fetch(
        source,
        schema,
        "last_runs",
        Run,
        limit=limit,
        triggered_by=triggered_by,
        sync_mode=sync_mode,
        batch_id=batch_id,
        host=host,
        **parameters.containing(text),
        **parameters.matching("script", script),
        **in_state(status),
        **parameters.beginning(since, until),
        **parameters.before_run(before),
    )


def find_run(source: Source = None, *, run_id: UUID, schema: str | None = None) -> RunDetail | None:
    """Return one run with all its columns; None if there is none of that id."""
    return next(iter(fetch(source, schema, "find_run", RunDetail, run_id=run_id)), None)


def runs_with_prefix(
    source: Source = None, *, prefix: str, schema: str | None = None, limit: int = 10
) -> list[Run]:
    """Return the runs whose id begins with ``prefix``, newest first."""
    bounds = parameters.bounds_of(prefix)
    return fetch(source, schema, "runs_with_prefix", Run, limit=limit, **bounds)


def runs_of_batch(source: Source = None, *, batch_id: UUID, schema: str | None = None) -> list[Run]:
    """Return the runs of a batch, in the order in which they began."""
    return fetch(source, schema, "runs_of_batch", Run, batch_id=batch_id)


def running_now(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    limit: int = 1000,
) -> list[RunningRun]:
    """Return the runs that have not ended, oldest first, each with the last thing it said."""
    matching = parameters.matching("script", script)
    return fetch(source, schema, "running_now", RunningRun, limit=limit, **matching)


def find_last_success(
    source: Source = None, *, script: str, schema: str | None = None
) -> LastSuccess | None:
    """Return the last success of ``script`` that was no backfill; None if it never had one."""
    found = fetch(source, schema, "find_last_success", LastSuccess, script=script)
    return next(iter(found), None)


def steps_of_run(source: Source = None, *, run_id: UUID, schema: str | None = None) -> list[Step]:
    """Return the steps of a run in the order in which they began, and how long each took."""
    return fetch(source, schema, "steps_of_run", Step, run_id=run_id)
