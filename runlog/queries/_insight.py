"""Questions about many runs together: how scripts are doing, what fails, is slow, is big."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runlog._database.reading import Source, fetch
from runlog.queries import _parameters as parameters
from runlog.queries._figures import (
    Day,
    ErrorGroup,
    ScriptHealth,
    ScriptStatistics,
    SlowStep,
    TableSize,
)

if TYPE_CHECKING:
    from datetime import datetime

    from runlog.queries._parameters import Since

_WEEK = timedelta(days=7)


def script_statistics(
    source: Source = None,
    *,
    schema: str | None = None,
    since: Since = _WEEK,
    until: datetime | None = None,
) -> list[ScriptStatistics]:
    """Return the documented statistics of each script over the last 7 days, or another period."""
    period = parameters.beginning(since, until)
    return fetch(source, schema, "script_statistics", ScriptStatistics, **period)


def script_health(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    since: Since = _WEEK,
    until: datetime | None = None,
) -> list[ScriptHealth]:
    """Return how each script is doing, the one that ran last first.

    Args:
        source: where to ask; default: the database of the environment.
        schema: the schema of the tables; default: the setting ``schema``.
        script: a script's name, or a pattern.
        since: the period of the figures; scripts that are silent for longer are told all the same.
        until: the end of that period; the last run is the last one all the same.
    """
    return fetch(
        source,
        schema,
        "script_health",
        ScriptHealth,
        **parameters.matching("script", script),
        **parameters.beginning(since, until),
    )


def daily_statistics(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    since: Since = timedelta(days=30),
    until: datetime | None = None,
    by_script: bool = False,
    timezone: str = "UTC",
) -> list[Day]:
    """Return runs, durations and records day by day, oldest first; days without runs are left out.

    Args:
        source: where to ask; default: the database of the environment.
        schema: the schema of the tables; default: the setting ``schema``.
        script: a script's name, or a pattern.
        since: how far back.
        until: only runs that began before.
        by_script: a row for each script and day, instead of one for the day.
        timezone: whose days, such as ``Europe/Berlin``.
    """
    return fetch(
        source,
        schema,
        "daily_statistics",
        Day,
        by_script=by_script,
        timezone=timezone,
        **parameters.matching("script", script),
        **parameters.beginning(since, until),
    )


def error_groups(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    since: Since = timedelta(hours=24),
    until: datetime | None = None,
    fingerprint: str | None = None,
    limit: int = 100,
) -> list[ErrorGroup]:
    """Return which errors happened, how often, where and when; the last seen first.

    Errors that differ in numbers and ids only are one. Failed runs without an entry of level ERROR,
    such as those whose process died, count with the message of their row.
    """
    return fetch(
        source,
        schema,
        "error_groups",
        ErrorGroup,
        fingerprint=fingerprint,
        limit=limit,
        **parameters.matching("script", script),
        **parameters.beginning(since, until),
    )


def slowest_steps(
    source: Source = None,
    *,
    schema: str | None = None,
    script: str | None = None,
    since: Since = _WEEK,
    until: datetime | None = None,
    sample: int = 20,
    limit: int = 20,
) -> list[SlowStep]:
    """Return the steps that take longest on average, slowest first.

    Args:
        source: where to ask; default: the database of the environment.
        schema: the schema of the tables; default: the setting ``schema``.
        script: a script's name, or a pattern.
        since: how far back.
        until: only runs that began before.
        sample: look at so many of the newest runs of each script.
        limit: at most so many steps.
    """
    return fetch(
        source,
        schema,
        "slowest_steps",
        SlowStep,
        sample=sample,
        limit=limit,
        **parameters.matching("script", script),
        **parameters.beginning(since, until),
    )


def table_sizes(source: Source = None, *, schema: str | None = None) -> list[TableSize]:
    """Return how much disk the two tables take, and how many rows PostgreSQL believes they have."""
    return fetch(source, schema, "table_sizes", TableSize)
