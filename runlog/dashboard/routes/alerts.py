"""What is open, what was, who watches and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog import queries
from runlog.alerts import Care, ChannelRow, Incident, ScriptDue, WatcherRow, is_watched
from runlog.dashboard._filters import PERIODS, period_of
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
    incidents: list[Incident] = []
    watchers: list[WatcherRow] = []
    channels: list[ChannelRow] = []
    dues: list[ScriptDue] = []
    mutes = []
    with database.page() as connection:
        # Without the two tables, or the right to read them, this raises as on every page.
        queries.last_runs(connection, limit=1)
        care = Care(connection, database.schema)
        is_there = care.is_there()
        is_missed = is_there and is_watch_missed(care)
        if is_there:
            incidents = care.history(PERIODS.get(period.name) or PERIODS["7d"])
            still_open = care.open_incidents()
            known = {each.id for each in still_open}
            incidents = still_open + [each for each in incidents if each.id not in known]
            watchers, channels = care.watchers(), care.channels()
            dues, mutes = care.dues(), care.mutes()
    if format_of(request) == "csv":
        return csv_answer("alerts", list(Incident.__dataclass_fields__), incidents)
    if format_of(request) == "json":
        return json_answer({"incidents": incidents, "watchers": watchers, "channels": channels})
    return page(
        request,
        "alerts.html",
        active="alerts",
        is_there=is_there,
        is_watched=is_watched(watchers),
        is_missed=is_missed,
        period=period,
        periods=_PERIODS,
        open=[each for each in incidents if each.resolved_at is None],
        ended=[each for each in incidents if each.resolved_at is not None],
        watchers=watchers,
        channels=channels,
        mutes=mutes,
        dues=[
            due for due in dues if due.retired_at is None and (due.next_due_at or due.paused_until)
        ],
    )
