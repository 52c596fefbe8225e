"""Errors by kind, and one kind with where it happened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException

from runlog import queries
from runlog.dashboard import _words as words
from runlog.dashboard._charts import Bar, row_of_bars
from runlog.dashboard._facts import stack_of
from runlog.dashboard._filters import PERIODS, period_of, text_of
from runlog.dashboard._site import csv_answer, format_of, json_answer, page, site_of, viewer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from runlog.queries import ErrorDay, ErrorEntry, ErrorGroup

_PERIODS = ("24h", "7d", "14d", "30d")
_SPARK_DAYS = 14
_NEW_WITHIN = timedelta(hours=24)
_QUIET_DAYS = 3
_MOST_ENTRIES = 200
_MOST_KINDS = 100
_MOST_IN_A_FILE = 200_000
# What tells which item an error was about, where a script logs it as they are usually called.
_ITEM_KEYS: Final = ("id", "key", "sku", "email", "name")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of error in the list."""

    group: ErrorGroup
    spark: list[Bar]
    mark: str


def errors(request: Request) -> Response:
    """Answer ``/errors`` and its twins."""
    period = period_of(request, "7d", _PERIODS)
    script, zone = text_of(request, "script"), viewer(request)
    with site_of(request).database.page() as connection:
        found = queries.error_groups(
            connection,
            script=script,
            since=PERIODS.get(period.name, PERIODS["7d"]),
            limit=_MOST_IN_A_FILE if format_of(request) == "csv" else _MOST_KINDS + 1,
        )
        groups = found if format_of(request) == "csv" else found[:_MOST_KINDS]
        if format_of(request) == "csv":
            return csv_answer("errors", list(queries.ErrorGroup.__dataclass_fields__), groups)
        days = queries.error_days(
            connection,
            script=script,
            since=timedelta(days=_SPARK_DAYS),
            timezone=zone.timezone,
        )
        names = [run.script_name for run in queries.recent_runs(connection, each=1)]
    if format_of(request) == "json":
        return json_answer({"errors": groups, "days": days})
    return page(
        request,
        "errors.html",
        now=groups[0].read_at if groups else None,
        active="errors",
        groups=_rows(groups, days, datetime.now(zone.zone).date()),
        has_more=len(found) > len(groups),
        period=period,
        periods=_PERIODS,
        scripts=names,
        spark_days=_SPARK_DAYS,
    )


def _rows(groups: Sequence[ErrorGroup], days: Sequence[ErrorDay], today: date) -> list[Row]:
    counts: dict[str, dict[date, int]] = defaultdict(dict)
    for day in days:
        counts[day.fingerprint][day.day] = day.errors
    columns = [today - timedelta(days=back) for back in range(_SPARK_DAYS - 1, -1, -1)]
    rows = []
    for group in groups:
        values = [counts[group.fingerprint].get(day, 0) for day in columns]
        bars = row_of_bars(values, values, places=_SPARK_DAYS, height=20)
        rows.append(Row(group, bars, _mark(group, values)))
    return rows


def _mark(group: ErrorGroup, values: Sequence[int]) -> str:
    """Return ``new``, ``back again`` or nothing."""
    if words.aware(group.read_at) - words.aware(group.last_seen) > _NEW_WITHIN:
        return ""
    # Today and, where the 24 hours began, yesterday.
    before = [place for place, value in enumerate(values[:-2]) if value]
    if not before:
        is_first = words.aware(group.read_at) - words.aware(group.first_seen) <= _NEW_WITHIN
        return "new" if is_first else ""
    return "back again" if len(values) - 2 - before[-1] > _QUIET_DAYS else ""


def kind(request: Request) -> Response:
    """Answer ``/errors/{fingerprint}`` and its twins."""
    fingerprint = request.path_params["fingerprint"].removesuffix(".json").removesuffix(".csv")
    period = period_of(request, "14d", _PERIODS)
    since = PERIODS.get(period.name, PERIODS["30d"])
    with site_of(request).database.page() as connection:
        entries = queries.errors_of_kind(
            connection, fingerprint=fingerprint, since=since, limit=_MOST_ENTRIES
        )
        if not entries:
            raise HTTPException(
                404, f"no error of the kind {fingerprint[:40]!r} happened in {period.words}"
            )
        groups = queries.error_groups(connection, fingerprint=fingerprint, since=since)
    if format_of(request) == "csv":
        return csv_answer("errors", list(queries.ErrorEntry.__dataclass_fields__), entries)
    if format_of(request) == "json":
        return json_answer({"kind": groups[0], "errors": entries})
    return page(
        request,
        "kind.html",
        now=groups[0].read_at,
        active="errors",
        group=groups[0],
        entries=entries,
        stack=next(filter(None, map(stack_of, entries)), ""),
        items_of=_items_of,
    )


def _items_of(entry: ErrorEntry) -> str:
    """Return the ids in an error's fields: which items it was about."""
    meta: Any = entry.meta
    if not isinstance(meta, dict):
        return ""
    found = [
        f"{name}={value}"
        for name, value in meta.items()
        if isinstance(value, (str, int))
        and (name in _ITEM_KEYS or name.endswith(("_id", "_key", "_sku")))
    ]
    return ", ".join(found)
