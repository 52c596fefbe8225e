"""Stacked columns, one a day or week: records by kind, runs by end, records by script. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from runlog.dashboard._charts import Stack, nice_ceiling, stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from runlog.queries import Day

WIDTH: Final = 960
HEIGHT: Final = 140
_DAYS: Final = 30
_MOST_SERIES: Final = 7
_OTHERS: Final = "others"


@dataclass(frozen=True, slots=True)
class Chart:
    """A stacked chart with its legend and its table.

    Attributes:
        series: the names of the pieces, from the bottom up.
        stacks: the columns; the item of each is its first day.
        rows: the table: the first day, then a value for each of ``series``.
        ceiling: the value at the top.
    """

    series: list[str]
    stacks: list[Stack]
    rows: list[tuple[date, list[float]]]
    ceiling: float

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(any(values) for _, values in self.rows)


def _chart(columns: dict[date, Counter[str]], series: Sequence[str]) -> Chart:
    highest = max((sum(counts.values()) for counts in columns.values()), default=0)
    ceiling = nice_ceiling(float(highest))
    drawn = stacks(
        [
            (day, [(name, float(counts[name])) for name in series])
            for day, counts in columns.items()
        ],
        width=WIDTH,
        height=HEIGHT,
        ceiling=ceiling,
    )
    rows = [(day, [float(counts[name]) for name in series]) for day, counts in columns.items()]
    return Chart(list(series), drawn, rows, ceiling)


def days_back(zone: ZoneInfo, days: int = _DAYS, step: int = 1) -> list[date]:
    """Return the first days of the last so many spans of ``step`` days, oldest first.

    The last of them ends with today: one that began today would look like the end of everything.
    """
    last = datetime.now(zone).date()
    longest = days // step * step - 1
    return [last - timedelta(days=back) for back in range(longest, step - 2, -step)]


def _columns(firsts: Sequence[date]) -> dict[date, Counter[str]]:
    return {first: Counter() for first in firsts}


def _first_of(day: date, firsts: Sequence[date]) -> date | None:
    step = (firsts[1] - firsts[0]).days if len(firsts) > 1 else 1
    offset = (day - firsts[0]).days
    place = offset // step
    return firsts[place] if 0 <= place < len(firsts) else None


def records_chart(found: Iterable[Day], zone: ZoneInfo) -> Chart:
    """Return what was inserted, updated and failed each day."""
    return _fill(
        found,
        days_back(zone),
        ("inserted", "updated", "failed"),
        lambda day: {
            "inserted": day.records_inserted,
            "updated": day.records_updated,
            "failed": day.records_failed,
        },
    )


def ends_chart(found: Iterable[Day], firsts: Sequence[date]) -> Chart:
    """Return how many runs ended well and badly."""
    return _fill(
        found,
        firsts,
        ("success", "error"),
        lambda day: {"success": day.successful, "error": day.failed},
    )


def _fill(
    found: Iterable[Day],
    firsts: Sequence[date],
    series: Sequence[str],
    values: Callable[[Day], dict[str, int | None]],
) -> Chart:
    columns = _columns(firsts)
    for day in found:
        if (first := _first_of(day.day, firsts)) is not None:
            for name, value in values(day).items():
                columns[first][name] += value or 0
    return _chart(columns, series)


def by_script_chart(
    found: Sequence[Day], firsts: Sequence[date], value: Callable[[Day], Any]
) -> Chart:
    """Return a figure by script: the scripts with most of it, and the others together."""
    sums: Counter[str] = Counter()
    for day in found:
        sums[day.script_name or ""] += float(value(day) or 0)  # type: ignore[assignment]
    leading = [name for name, total in sums.most_common(_MOST_SERIES) if total]
    has_others = sum(1 for total in sums.values() if total) > len(leading)
    columns = _columns(firsts)
    for day in found:
        first = _first_of(day.day, firsts)
        if first is not None:
            name = day.script_name or ""
            piece = name if name in leading else _OTHERS
            columns[first][piece] += float(value(day) or 0)  # type: ignore[assignment]
    return _chart(columns, [*leading, *([_OTHERS] if has_others else [])])
