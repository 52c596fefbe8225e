"""Days as cells: which script ran on which day, and how it went. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from runlog.queries import Day

_DAYS = 30
_MOST_SCRIPTS = 60
_MANY_FAIL, _SOME_FAIL = 0.5, 0.15


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of one script; ``found`` is None when nothing ran."""

    day: date
    found: Day | None

    @property
    def kind(self) -> str:
        """How the day went, as the name of its look."""
        if self.found is None:
            return "none"
        ended = self.found.successful + self.found.failed
        if not ended:
            return "running"
        share = self.found.failed / ended
        if share == 0:
            return "partial" if self.found.records_failed else "success"
        if share >= _MANY_FAIL:
            return "failed"
        return "mixed" if share >= _SOME_FAIL else "some"


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Rows of cells, one a script, and the days that they have in common."""

    days: list[date]
    rows: list[tuple[str, list[Cell]]]
    left_out: int


def heatmap(found: Sequence[Day], zone: ZoneInfo, days: int = _DAYS) -> Heatmap:
    """Return the last days of each script, the scripts in order of their names."""
    last = datetime.now(zone).date()
    columns = [last - timedelta(days=back) for back in range(days - 1, -1, -1)]
    by_script: dict[str, dict[date, Day]] = {}
    for row in found:
        by_script.setdefault(row.script_name or "", {})[row.day] = row
    names = sorted(by_script)
    rows = [
        (name, [Cell(day, by_script[name].get(day)) for day in columns])
        for name in names[:_MOST_SCRIPTS]
    ]
    return Heatmap(columns, rows, len(names) - len(rows))


@dataclass(frozen=True, slots=True)
class Week:
    """One column of a calendar: the cells from Monday to Sunday; None outside of the year."""

    month: str
    cells: list[Cell | None]


def calendar(found: Sequence[Day], zone: ZoneInfo) -> list[Week]:
    """Return a year of one script, week by week."""
    by_day = {row.day: row for row in found}
    last = datetime.now(zone).date()
    first = last - timedelta(days=364)
    monday = first - timedelta(days=first.weekday())
    weeks = []
    while monday <= last:
        days = [monday + timedelta(days=place) for place in range(7)]
        cells = [Cell(day, by_day.get(day)) if first <= day <= last else None for day in days]
        starts = next((day for day in days if day.day == 1), None)
        weeks.append(Week(f"{starts:%b}" if starts and starts <= last else "", cells))
        monday += timedelta(days=7)
    return weeks
