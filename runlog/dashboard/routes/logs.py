"""Lines of all scripts: search, and a live tail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runlog import queries
from runlog.dashboard import _words as words
from runlog.dashboard._filters import (
    Period,
    id_of,
    level_of,
    moment_of,
    period_of,
    text_of,
)
from runlog.dashboard._site import csv_answer, format_of, json_answer, page, site_of
from runlog.queries import Entry, ScriptEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from runlog._database.driver import Connection

_PAGE = 200
_BLOCK = 2000
_WEEK = timedelta(days=7)
_PERIODS = ("1h", "24h", "7d", "30d")
_MOST_IN_A_FILE = 200_000
_COLUMNS = ("timestamp", "level", "script_name", "step", "message", "meta", "run_id", "id")


def logs(request: Request) -> Response:
    """Answer ``/logs`` and its twins."""
    period = period_of(request, "24h", _PERIODS)
    filters = _filters(request, period)
    if format_of(request) == "csv":
        return csv_answer("logs", _COLUMNS, _all_rows(request, filters))
    with site_of(request).database.page() as connection:
        scripts = [run.script_name for run in queries.recent_runs(connection, each=1)]
        if at := moment_of(request, "at"):
            found = _around(connection, filters, at)
        else:
            found = queries.search_entries(
                connection, limit=_PAGE + 1, before=_before(request), **filters
            )
    shown, has_more = found[:_PAGE], len(found) > _PAGE
    last = shown[-1] if has_more else None
    following = f"{words.aware(last.timestamp).isoformat()}/{last.id}" if last else None
    if format_of(request) == "json":
        return json_answer({"entries": shown, "before": following})
    shown.reverse()
    return page(
        request,
        "logs.html",
        active="logs",
        entries=shown,
        following=following,
        scripts=scripts,
        period=period,
        periods=_PERIODS,
        level=level_of(request),
        at=at,
        is_newest=at is None and not text_of(request, "before") and period.until is None,
    )


def _filters(request: Request, period: Period) -> dict[str, Any]:
    return {
        "text": text_of(request, "q"),
        "script": text_of(request, "script"),
        "level": level_of(request),
        "step": text_of(request, "step"),
        "since": period.since,
        "until": period.until,
    }


def _around(
    connection: Connection[Any], filters: dict[str, Any], moment: datetime
) -> list[ScriptEntry]:
    """Return the lines before and after a moment, newest first."""
    kept = {name: filters[name] for name in ("text", "script", "level", "step")}
    half = _PAGE // 2
    later = queries.entries_after(connection, after=moment, limit=half, **kept)
    earlier = queries.search_entries(
        connection, until=moment, limit=half, **kept, since=moment - _WEEK
    )
    return [*reversed(later), *earlier]


def _before(request: Request) -> Entry | None:
    """Return the place of ``before=``: the moment and the id of the last line seen."""
    moment, _, name = (text_of(request, "before") or "").rpartition("/")
    entry_id = id_of(name)
    try:
        at = words.aware(datetime.fromisoformat(moment))
    except ValueError:
        return None
    if entry_id is None:
        return None
    # Only its place counts.
    return Entry(
        timestamp=at, level="", step="", message="", meta=None, id=entry_id, run_id=entry_id
    )


def _all_rows(request: Request, filters: dict[str, Any]) -> Iterator[ScriptEntry]:
    last: ScriptEntry | None = None
    for _ in range(_MOST_IN_A_FILE // _BLOCK):
        with site_of(request).database.page() as connection:
            block = queries.search_entries(connection, limit=_BLOCK, before=last, **filters)
        yield from block
        if len(block) < _BLOCK:
            return
        last = block[-1]
