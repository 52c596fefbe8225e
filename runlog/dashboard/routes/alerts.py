"""What is open, what was, who watches and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runlog import queries
from runlog.alerts import Care, Incident, is_watched
from runlog.dashboard._filters import PERIODS, Period, period_of
from runlog.dashboard._site import csv_answer, format_of, json_answer, page, site_of
from runlog.dashboard._watching import is_watch_missed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_PERIODS = ("24h", "7d", "14d", "30d")


def alerts(request: Request) -> Response:
    """Answer ``/alerts`` and its twins."""
    period = period_of(request, "7d", _PERIODS)
    database = site_of(request).database
    with database.page() as connection:
        # Without the two tables, or the right to read them, this raises as on every page.
        queries.last_runs(connection, limit=1)
        care = Care(connection, database.schema)
        is_there = care.is_there()
        known = _known(care, period) if is_there else _NOTHING
    incidents = known["incidents"]
    if format_of(request) == "csv":
        return csv_answer("alerts", list(Incident.__dataclass_fields__), incidents)
    if format_of(request) == "json":
        return json_answer({name: known[name] for name in ("incidents", "watchers", "channels")})
    return page(
        request,
        "alerts.html",
        active="alerts",
        is_there=is_there,
        is_watched=is_watched(known["watchers"]),
        period=period,
        periods=_PERIODS,
        open=[each for each in incidents if each.resolved_at is None],
        ended=[each for each in incidents if each.resolved_at is not None],
        **known,
    )


_NOTHING: Final[dict[str, Any]] = {
    "is_missed": False,
    **dict.fromkeys(("incidents", "watchers", "channels", "mutes", "dues"), ()),
}
"""What is known where the tables of alerts are not there."""


def _known(care: Care, period: Period) -> dict[str, Any]:
    still_open = care.open_incidents()
    opened = {each.id for each in still_open}
    lately = care.history(PERIODS.get(period.name) or PERIODS["7d"])
    return {
        "is_missed": is_watch_missed(care),
        "incidents": still_open + [each for each in lately if each.id not in opened],
        "watchers": care.watchers(),
        "channels": care.channels(),
        "mutes": care.mutes(),
        "dues": [
            due
            for due in care.dues()
            if due.retired_at is None and (due.next_due_at or due.paused_until)
        ],
    }
