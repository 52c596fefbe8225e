"""One script: its year, how long it takes, what it moves, what fails in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from runlog import queries
from runlog.dashboard._charts_of_days import records_chart
from runlog.dashboard._durations import duration_dots
from runlog.dashboard._heatmap import calendar
from runlog.dashboard._site import (
    csv_answer,
    format_of,
    json_answer,
    page,
    root_of,
    site_of,
    viewer,
)
from runlog.queries._parameters import Exactly

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_YEAR = timedelta(days=365)
_MONTH = timedelta(days=30)
_WEEKS = timedelta(days=14)
_RUNS = 120


def script(request: Request) -> Response:
    """Answer ``/scripts/{name}``, or ``/scripts?name=`` for names that no path can hold."""
    name = request.path_params.get("name", request.query_params.get("name"))
    if name is None:
        return RedirectResponse(f"{root_of(request)}/", 302)
    if "name" in request.path_params:
        name = name.removesuffix(".json").removesuffix(".csv")
    looking = viewer(request)
    # A name is a name here, never a pattern.
    exactly = Exactly(name)
    with site_of(request).database.page() as connection:
        health = queries.script_health(connection, since=_MONTH, script=exactly)
        if not health:
            raise HTTPException(404, f"no script {name[:200]!r} has run yet, but for backfills")
        days = queries.daily_statistics(
            connection, since=_YEAR, timezone=looking.timezone, script=exactly
        )
        runs = queries.recent_runs(connection, each=_RUNS, script=exactly)
        errors = queries.error_groups(connection, since=_WEEKS, limit=8, script=exactly)
        steps = queries.slowest_steps(connection, since=_WEEKS, sample=20, script=exactly)
    if format_of(request) == "json":
        return json_answer(
            {"health": health[0], "days": days, "runs": runs, "errors": errors, "steps": steps}
        )
    if format_of(request) == "csv":
        return csv_answer("days", list(queries.Day.__dataclass_fields__), days)
    recent = runs[::-1]
    return page(
        request,
        "script.html",
        now=health[0].read_at,
        active="overview",
        name=name,
        health=health[0],
        weeks=calendar(days, looking.zone),
        days=days,
        dots=duration_dots(recent, health[0].median_duration_ms, health[0].p95_duration_ms),
        recent=recent,
        records=records_chart(days, looking.zone),
        errors=errors,
        steps=steps,
    )
