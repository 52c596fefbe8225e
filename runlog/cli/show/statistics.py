"""The figures of ``runlog stats``: all scripts in a table, or one script day by day."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runlog import queries
from runlog._process.visible import visible
from runlog._readable import duration, number, share
from runlog.cli._failures import NotFoundError
from runlog.cli.show.output import Output, record_of
from runlog.cli.show.table import Column, print_table
from runlog.queries._figures import Day, ScriptHealth, SlowStep
from runlog.queries._rows import records_seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlog._database.driver import Connection

    Since = datetime | timedelta

_BARS = "▁▂▃▄▅▆▇█"
_CHART_DAYS = 30
_BAR_WIDTH = 20
_MUCH_SLOWER = 2.0


def show_scripts(
    connection: Connection[Any], since: Since, until: datetime | None, output: Output
) -> None:
    """Print one line a script."""
    rows = queries.script_health(connection, since=since, until=until)
    charts: dict[str, str] = {}
    if output.is_for_people:
        days = queries.daily_statistics(
            connection, since=since, until=until, by_script=True, timezone=local_zone()
        )
        charts = _charts(days)
    empty = 'no runs yet; "runlog demo" makes the first two'
    output.rows(rows, ScriptHealth, _script_columns(charts), empty=empty)


def show_script(
    connection: Connection[Any],
    script: str,
    since: Since,
    until: datetime | None,
    output: Output,
) -> None:
    """Print one line a day of one script, and where its time goes.

    Raises:
        NotFoundError: there is no such script.
    """
    period: dict[str, Any] = {"script": script, "since": since, "until": until}
    health = queries.script_health(connection, **period)
    if not health:
        raise NotFoundError(f'there is no script {script!r}; "runlog scripts" lists them')
    zone = "UTC" if output.utc or not output.is_for_people else local_zone()
    days = queries.daily_statistics(connection, **period, timezone=zone)
    steps = queries.slowest_steps(connection, **period)
    if output.format in {"json", "jsonl"}:
        parts: dict[str, list[Any]] = {"scripts": health, "days": days, "steps": steps}
        output.document({name: [record_of(row) for row in rows] for name, rows in parts.items()})
    elif output.is_for_people:
        _print_script(health, days, steps, output)
    else:
        output.rows(days, Day, [], empty="no runs in this time")


def _print_script(
    health: list[ScriptHealth], days: list[Day], steps: list[SlowStep], output: Output
) -> None:
    print_table(_script_columns({}), health, on_terminal=output.on_terminal)
    if days:
        click.echo("\nday by day")
        longest = max((day.median_duration_ms or 0 for day in days), default=0)
        print_table(_day_columns(longest), days, on_terminal=output.on_terminal)
    if steps:
        click.echo("\nslowest steps, of the newest runs")
        print_table(_step_columns(several=len(health) > 1), steps, on_terminal=output.on_terminal)


def _script_columns(charts: dict[str, str]) -> list[Column]:
    return [
        Column("SCRIPT", lambda row: row.script_name, is_name=True),
        Column("RUNS", lambda row: number(row.runs), right=True),
        Column("SUCCESS", lambda row: share(row.success_rate), right=True),
        Column("MEDIAN", lambda row: duration(row.median_duration_ms), right=True),
        Column("P95", lambda row: duration(row.p95_duration_ms), right=True, is_optional=True),
        Column("LAST", _against_usual, style=_slow_style, right=True, is_optional=True),
        Column("FETCHED", lambda row: number(row.records_fetched), right=True),
        Column("INSERTED", lambda row: number(row.records_inserted), right=True, is_optional=True),
        Column("UPDATED", lambda row: number(row.records_updated), right=True, is_optional=True),
        Column("FAILED", _failed_share, right=True),
        Column(
            "PER SECOND", lambda row: number(row.records_per_second), right=True, is_optional=True
        ),
        Column("CALLS", lambda row: number(row.calls_analyzed), right=True, is_optional=True),
        Column("COST", lambda row: number(row.api_cost), right=True, is_optional=True),
        Column(
            "DURATION BY DAY",
            lambda row: charts.get(row.script_name, ""),
            is_flexible=True,
            is_optional=True,
        ),
    ]


def _day_columns(longest: float) -> list[Column]:
    return [
        Column("DAY", lambda day: day.day.isoformat()),
        Column("RUNS", lambda day: number(day.runs), right=True),
        Column("FAILED", lambda day: number(day.failed or None), style=lambda _: "red", right=True),
        Column("MEDIAN", lambda day: duration(day.median_duration_ms), right=True),
        Column("P95", lambda day: duration(day.p95_duration_ms), right=True, is_optional=True),
        Column("", lambda day: bar(day.median_duration_ms, longest), style=lambda _: "cyan"),
        Column("FETCHED", lambda day: number(day.records_fetched), right=True),
        Column("INSERTED", lambda day: number(day.records_inserted), right=True, is_optional=True),
        Column("UPDATED", lambda day: number(day.records_updated), right=True, is_optional=True),
        Column("NOT OK", lambda day: number(day.records_failed or None), right=True),
        Column("CALLS", lambda day: number(day.calls_analyzed), right=True, is_optional=True),
        Column("COST", lambda day: number(day.api_cost), right=True),
    ]


def _step_columns(*, several: bool) -> list[Column]:
    return [
        Column("SCRIPT", lambda step: step.script_name if several else "", is_name=True),
        Column("STEP", lambda step: step.step),
        Column("MEDIAN", lambda step: duration(step.median_duration_ms), right=True),
        Column("P95", lambda step: duration(step.p95_duration_ms), right=True, is_optional=True),
        Column("LONGEST", lambda step: duration(step.max_duration_ms), right=True),
        Column("SHARE", lambda step: share(step.share), right=True),
        Column("", lambda step: bar(step.share, 1.0), style=lambda _: "cyan"),
        Column("RUNS", lambda step: number(step.runs), right=True),
    ]


def _times_usual(row: ScriptHealth) -> float | None:
    if not row.median_duration_ms or row.last_duration_ms is None:
        return None
    return row.last_duration_ms / row.median_duration_ms


def _against_usual(row: ScriptHealth) -> str:
    times = _times_usual(row)
    return f"{times:.1f} x" if times is not None else ""


def _slow_style(row: ScriptHealth) -> str:
    times = _times_usual(row)
    return "yellow" if times is not None and times >= _MUCH_SLOWER else ""


def _failed_share(row: ScriptHealth) -> str:
    if not row.records_failed:
        return ""
    return share(row.records_failed / records_seen(row))


def _charts(days: Sequence[Day]) -> dict[str, str]:
    """Return a small chart of the median duration of each script's newest days."""
    by_script: dict[str, dict[date, float]] = defaultdict(dict)
    for day in days:
        if day.script_name is not None and day.median_duration_ms is not None:
            by_script[day.script_name][day.day] = day.median_duration_ms
    if not by_script:
        return {}
    newest = max(day.day for day in days)
    axis = [newest - timedelta(days=back) for back in reversed(range(_CHART_DAYS))]
    first = min(min(found) for found in by_script.values())
    axis = [day for day in axis if day >= first]
    return {name: chart([found.get(day) for day in axis]) for name, found in by_script.items()}


def chart(values: Sequence[float | None]) -> str:
    """Return one bar a value, the highest one full; a gap for None."""
    highest = max((value for value in values if value), default=0)
    if not highest:
        return ""
    steps = len(_BARS) - 1
    return "".join(
        " " if value is None else _BARS[round(value / highest * steps)] for value in values
    )


def bar(value: float | None, highest: float) -> str:
    """Return a horizontal bar, the highest one of full width."""
    if not value or not highest:
        return ""
    return "█" * max(1, round(float(value) / highest * _BAR_WIDTH))


def local_zone() -> str:
    """Return the name of this machine's time zone; UTC when it has none that PostgreSQL knows."""
    named = os.environ.get("TZ", "").removeprefix(":")
    place = named or str(Path("/etc/localtime").resolve())
    name = visible(place.rpartition("zoneinfo/")[2])
    from zoneinfo import available_timezones

    return name if name in available_timezones() else str(UTC)
