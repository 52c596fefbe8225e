"""What ran when in the last 24 hours, and how much of it at the same time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from runlog.dashboard import _words as words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from runlog.queries import Run

WIDTH: Final = 960
_SPAN: Final = timedelta(hours=24)
_MOST_SCRIPTS: Final = 40


@dataclass(frozen=True, slots=True)
class Stretch:
    """One run on the line of its script."""

    x: float
    width: float
    run: Run


@dataclass(frozen=True, slots=True)
class Timeline:
    """A line for each script, the most that ran at once, and when that was."""

    rows: list[tuple[str, list[Stretch]]]
    begin: datetime | None
    most_at_once: int
    most_at: datetime | None
    hours: list[tuple[float, datetime]]


def timeline(runs: Sequence[Run]) -> Timeline:
    """Return the runs that began in the last 24 hours."""
    began = [run for run in runs if run.started_at is not None]
    if not began:
        return Timeline([], None, 0, None, [])
    end = words.aware(began[0].read_at)
    begin = end - _SPAN
    rows: dict[str, list[Stretch]] = {}
    for run in reversed(began):
        x = _place(words.aware(run.started_at or end), begin)
        width = max(2.0, max(run.elapsed_ms or 0, 0) / _SPAN.total_seconds() / 1000 * WIDTH)
        rows.setdefault(run.script_name, []).append(
            Stretch(x, round(max(0.0, min(width, WIDTH - x)), 1), run)
        )
    most, most_at = _most_at_once(began)
    first_hour = begin.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = [first_hour + timedelta(hours=3 * number) for number in range(8)]
    return Timeline(
        sorted(rows.items())[:_MOST_SCRIPTS],
        begin,
        most,
        most_at,
        [(_place(hour, begin), hour) for hour in hours if hour <= end],
    )


def _place(moment: datetime, begin: datetime) -> float:
    return round(max(0.0, (moment - begin) / _SPAN * WIDTH), 1)


def _most_at_once(runs: Sequence[Run]) -> tuple[int, datetime | None]:
    changes = []
    for run in runs:
        if run.started_at is not None:
            start = words.aware(run.started_at)
            changes.append((start, 1))
            changes.append((start + timedelta(milliseconds=max(run.elapsed_ms or 0, 0)), -1))
    running, most, most_at = 0, 0, None
    for moment, change in sorted(changes, key=lambda item: (item[0], item[1])):
        running += change
        if running > most:
            most, most_at = running, moment
    return most, most_at
