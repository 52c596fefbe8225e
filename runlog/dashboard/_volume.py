"""The volume of a run's log over its time: bars for the histogram, counts for the levels. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlog.dashboard._lines import LOOKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from runlog.queries import Volume

PARTS: Final = 60
HEIGHT: Final = 28


@dataclass(frozen=True, slots=True)
class Part:
    """One bar: of which its errors and warnings are the lower end."""

    x: int
    height: float
    look: str
    entries: int
    errors: int
    warnings: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Histogram:
    """The bars, and how many entries there are of each level."""

    parts: list[Part]
    levels: dict[str, int]
    total: int

    def at_least(self, level: str) -> int:
        """Return how many entries are of this level or above it."""
        rising = list(LOOKS)[::-1]
        return sum(self.levels.get(name, 0) for name in rising[rising.index(level) :])


def histogram(found: Sequence[Volume]) -> Histogram:
    """Return the bars of what ``volume_of_run`` counted."""
    levels: Counter[str] = Counter()
    parts: dict[int, Counter[str]] = {}
    moments: dict[int, datetime] = {}
    for row in found:
        place, level = row.part or 0, row.level.upper()
        levels[level] += row.entries
        parts.setdefault(place, Counter())[level] += row.entries
        moments[place] = min(moments.get(place, row.first_at), row.first_at)
    highest = max((counts.total() for counts in parts.values()), default=1)
    bars = [_bar(place, counts, highest, moments[place]) for place, counts in sorted(parts.items())]
    return Histogram(bars, dict(levels), levels.total())


def _bar(place: int, counts: Counter[str], highest: int, at: datetime) -> Part:
    look = "e" if counts["ERROR"] else "w" if counts["WARNING"] else "i"
    tall = max(2.0, round((counts.total() / highest) ** 0.5 * HEIGHT, 1))
    return Part(place * 16, tall, look, counts.total(), counts["ERROR"], counts["WARNING"], at)
