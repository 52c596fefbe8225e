"""How the syncs develop: records, ends, durations, steps, cost, hours, size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runlog import queries
from runlog.dashboard._charts import level_of
from runlog.dashboard._charts_of_days import (
    by_script_chart,
    days_back,
    ends_chart,
)
from runlog.dashboard._filters import PERIODS, period_of, text_of
from runlog.dashboard._site import csv_answer, format_of, json_answer, page, site_of, viewer
from runlog.dashboard._timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response

    from runlog.queries import HourOfWeek, TableSize

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_PERIODS = ("7d", "30d", "90d")
_STEP_SAMPLE = 5
_MOST_BARS = 1500
_COMPARED = 6


def analytics(request: Request) -> Response:
    """Answer ``/analytics`` and its twins."""
    period = period_of(request, "30d", _PERIODS)
    span = PERIODS.get(period.name, PERIODS["30d"])
    zone = viewer(request)
    script = text_of(request, "script")
    with site_of(request).database.page() as connection:
        days = queries.daily_statistics(
            connection, script=script, since=span, by_script=True, timezone=zone.timezone
        )
        if format_of(request) == "csv":
            return csv_answer("days-by-script", list(queries.Day.__dataclass_fields__), days)
        hours = queries.hours_of_week(
            connection, script=script, since=min(span, PERIODS["30d"]), timezone=zone.timezone
        )
        slowing = queries.slowing_scripts(connection, period=min(span, PERIODS["30d"]))
        steps = queries.slowest_steps(connection, script=script, since=_WEEK, sample=_STEP_SAMPLE)
        lately = queries.last_runs(connection, script=script, since=_DAY, limit=_MOST_BARS)
        sizes = queries.table_sizes(connection)
        names = [run.script_name for run in queries.recent_runs(connection, each=1)]
    if format_of(request) == "json":
        return json_answer(
            {"days": days, "hours": hours, "slowing": slowing, "steps": steps, "sizes": sizes}
        )
    return page(
        request,
        "analytics.html",
        active="analytics",
        period=period,
        periods=_PERIODS,
        scripts=names,
        days=days,
        figures=_figures(days),
        **_charts(days, zone.zone, span),
        hours=_grid(hours),
        slowing=[
            it for it in slowing if it.runs >= _COMPARED and it.growth is not None and it.growth > 1
        ],
        steps=steps,
        timeline=timeline(lately),
        sizes=sizes,
        forecast=_forecast(sizes),
        retention_days=site_of(request).database.retention_days,
    )


def _charts(days: Sequence[queries.Day], zone: ZoneInfo, span: timedelta) -> dict[str, Any]:
    is_long = span > PERIODS["30d"]
    firsts = days_back(zone, span.days, 7 if is_long else 1)
    return {
        "records": by_script_chart(days, firsts, lambda day: day.records_fetched),
        "ends": ends_chart(days, firsts),
        "cost": by_script_chart(days, firsts, lambda day: day.api_cost),
        "unit": "week" if is_long else "day",
    }


def _figures(days: Sequence[queries.Day]) -> dict[str, Any]:
    successful, failed = sum(day.successful for day in days), sum(day.failed for day in days)
    costs = [day.api_cost for day in days if day.api_cost is not None]
    return {
        "runs": sum(day.runs for day in days),
        "share": successful / (successful + failed) if successful + failed else None,
        "fetched": _sum(day.records_fetched for day in days),
        "failed": _sum(day.records_failed for day in days),
        "calls": _sum(day.calls_analyzed for day in days),
        "cost": sum(costs) if costs else None,
    }


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _grid(hours: Sequence[HourOfWeek]) -> list[list[tuple[int, HourOfWeek | None]]]:
    """Return the seven days of 24 hours each: how dark, and what is there."""
    by_place = {(hour.day, hour.hour): hour for hour in hours}
    highest = max((hour.runs for hour in hours), default=0)
    return [
        [
            (level_of(found.runs if found else 0, highest), found)
            for found in (by_place.get((day, hour)) for hour in range(24))
        ]
        for day in range(1, 8)
    ]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the tables will hold, if they grow as they did.

    Attributes:
        bytes_a_day: on the mean, since the oldest row.
    """

    bytes_now: int
    bytes_a_day: float
    days: float
    later: list[tuple[int, float]]


def _forecast(sizes: Sequence[TableSize]) -> Forecast | None:
    total = sum(size.total_bytes for size in sizes)
    spans = [
        (size.newest_at - size.oldest_at).total_seconds() / 86_400
        for size in sizes
        if size.oldest_at and size.newest_at
    ]
    days = max(spans, default=0.0)
    if days < 1:
        return None
    a_day = total / days
    return Forecast(total, a_day, days, [(ahead, total + a_day * ahead) for ahead in (30, 90, 365)])
