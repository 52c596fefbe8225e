"""The list of runs: filters, counts, pages, and the days of each script."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from runlog import queries
from runlog.dashboard._filters import Period, id_of, period_of, text_of
from runlog.dashboard._heatmap import heatmap
from runlog.dashboard._site import csv_answer, format_of, json_answer, page, site_of, viewer
from runlog.queries import Run
from runlog.queries._states import STATES, WIDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from runlog._database.driver import Connection

_PAGE = 50
_BLOCK = 1000
_PERIODS = ("24h", "7d", "30d", "90d", "all")
_MOST_IN_A_FILE = 200_000


def runs(request: Request) -> Response:
    """Answer ``/runs`` and its twins."""
    period = period_of(request, "7d", _PERIODS)
    filters = _filters(request, period)
    state = text_of(request, "state")
    if state is not None and state not in STATES:
        # All runs under the name of a state would be taken for runs in it.
        raise HTTPException(400, f"state is one of {', '.join(STATES)}")
    if format_of(request) == "csv":
        rows = _all_rows(request, filters, state)
        return csv_answer("runs", list(Run.__dataclass_fields__)[:-1], rows)
    with site_of(request).database.page() as connection:
        before = id_of(text_of(request, "before"))
        last = queries.find_run(connection, run_id=before) if before else None
        if before and last is None:
            # The first page in its place would be taken for the next one, again and again.
            raise HTTPException(404, "the run after which this page begins is gone; begin anew")
        found = queries.last_runs(connection, limit=_PAGE + 1, status=state, before=last, **filters)
        counts = _counts(connection, filters)
        health = queries.script_health(connection)
        days = _days(connection, request, filters) if format_of(request) == "html" else []
        elsewhere = None if found or last else _at_any_time(connection, filters, state)
        backfills = 0 if filters["sync_mode"] else _count_backfills(connection, filters)
    shown, has_more = found[:_PAGE], len(found) > _PAGE
    if format_of(request) == "json":
        following = str(shown[-1].id) if has_more else None
        return json_answer({"runs": shown, "counts": counts, "before": following})
    return page(
        request,
        "runs.html",
        now=shown[0].read_at if shown else None,
        active="runs",
        runs=shown,
        has_more=has_more,
        is_first=last is None,
        total=sum(counts.values()),
        counts=_as_found(counts),
        scripts=sorted(script.script_name for script in health),
        usual={script.script_name: script.median_duration_ms for script in health},
        period=period,
        periods=_PERIODS,
        state=state,
        states=[state for state in STATES if state in counts or state in _ALWAYS],
        elsewhere=elsewhere,
        backfills=backfills,
        days=heatmap(days, viewer(request).zone),
    )


_ALWAYS = ("running", "success", "error")


def _filters(request: Request, period: Period) -> dict[str, Any]:
    return {
        "script": text_of(request, "script"),
        "text": text_of(request, "q"),
        "host": text_of(request, "host"),
        "triggered_by": text_of(request, "by"),
        "sync_mode": text_of(request, "mode"),
        "since": period.since,
        "until": period.until,
    }


def _counts(connection: Connection[Any], filters: dict[str, Any]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for row in queries.count_runs(connection, **filters):
        counted[row.state.rstrip("?")] += row.runs
    return dict(counted)


def _as_found(counts: dict[str, int]) -> dict[str, int]:
    """Return how many runs each state finds, which is what stands beside its link."""
    found = Counter(counts)
    for state, wider in WIDER.items():
        found[wider] += counts.get(state, 0)
    return dict(found)


def _at_any_time(
    connection: Connection[Any], filters: dict[str, Any], state: str | None
) -> list[Run]:
    """Return the last run that the filters fit, if not in the period that was asked for."""
    asked = {**filters, "since": None, "until": None}
    return queries.last_runs(connection, limit=1, status=state, **asked)


def _count_backfills(connection: Connection[Any], filters: dict[str, Any]) -> int:
    """Count what is left out unless it is asked for."""
    return sum(_counts(connection, {**filters, "sync_mode": "backfill"}).values())


def _days(
    connection: Connection[Any], request: Request, filters: dict[str, Any]
) -> list[queries.Day]:
    return queries.daily_statistics(
        connection,
        script=filters["script"],
        by_script=True,
        timezone=viewer(request).timezone,
    )


def _all_rows(request: Request, filters: dict[str, Any], state: str | None) -> Iterator[Run]:
    with site_of(request).database.page() as connection:
        last: Run | None = None
        for _ in range(_MOST_IN_A_FILE // _BLOCK):
            block = queries.last_runs(
                connection, limit=_BLOCK, status=state, before=last, **filters
            )
            yield from block
            if len(block) < _BLOCK:
                return
            last = block[-1]
