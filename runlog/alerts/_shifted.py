"""Schedules in the wrong time zone: their scripts always start whole hours away from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from runlog._expectations import SEPARATOR, interval_of
from runlog.alerts import _statements as statements
from runlog.alerts._schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runlog._database.driver import Connection
    from runlog.alerts._care import ScriptDue

_STARTS: Final = 5
_MOST_HOURS: Final = 14
_TOLERANCE: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class _Starts:
    script_name: str
    starts: list[datetime]


def find_shifted(
    connection: Connection[Any], schema: str, dues: Iterable[ScriptDue]
) -> Iterator[tuple[str, int]]:
    """Return scripts whose newest starts all come the same whole hours after they were due."""
    schedules = {
        due.script_name: Schedule(due.schedule, due.timezone)
        for due in dues
        if due.schedule and SEPARATOR not in due.schedule and interval_of(due.schedule) is None
    }
    rows = statements.fetch(connection, schema, "starts", _Starts, scripts=list(schedules))
    for row in rows:
        hours = shift_of(schedules[row.script_name], row.starts[-_STARTS:])
        if hours is not None:
            yield row.script_name, hours


def shift_of(schedule: Schedule, starts: list[datetime]) -> int | None:
    """Return by how many whole hours all starts are late; None when they are not."""
    if len(starts) < _STARTS:
        return None
    found = {_hours_late(schedule, start) for start in starts}
    hours = found.pop() if len(found) == 1 else None
    return hours or None


def _hours_late(schedule: Schedule, start: datetime) -> int | None:
    last = None
    for due in schedule.upcoming(start - timedelta(hours=_MOST_HOURS)):
        if due > start + _TOLERANCE:
            break
        last = due
    if last is None:
        return None
    late = start - last
    hours = round(late / timedelta(hours=1))
    return hours if abs(late - timedelta(hours=hours)) <= _TOLERANCE else None
