"""How long runs take, one after the other, as points with what is usual behind them. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlog.dashboard._charts import nice_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlog.queries import RecentRun

WIDTH: Final = 960
HEIGHT: Final = 160


@dataclass(frozen=True, slots=True)
class Dot:
    """One run."""

    x: float
    y: float
    run: RecentRun


@dataclass(frozen=True, slots=True)
class Dots:
    """The points, the lines behind them, and the ticks of the axis: (y, milliseconds) each."""

    dots: list[Dot]
    median_y: float | None
    p95_y: float | None
    ticks: list[tuple[float, float]]


def duration_dots(runs: Sequence[RecentRun], median_ms: float | None, p95_ms: float | None) -> Dots:
    """Return the points of runs in order of time."""
    known = [run for run in runs if run.elapsed_ms is not None]
    highest = max((float(run.elapsed_ms or 0) for run in known), default=0.0)
    ceiling = nice_duration(max(highest, p95_ms or 0, 100))
    # Where one run took a hundred times what is usual, a scale of roots keeps the others apart.
    is_rooted = bool(median_ms) and highest > 8 * (median_ms or 1)

    def y(milliseconds: float) -> float:
        part = max(milliseconds, 0.0) / ceiling
        return round(HEIGHT - (math.sqrt(part) if is_rooted else part) * HEIGHT, 1)

    step = WIDTH / max(1, len(known))
    dots = [
        Dot(round((place + 0.5) * step, 1), y(float(run.elapsed_ms or 0)), run)
        for place, run in enumerate(known)
    ]
    ticks = [(y(ceiling * part), ceiling * part) for part in (0.25, 0.5, 1.0)]
    return Dots(
        dots,
        None if median_ms is None else y(median_ms),
        None if p95_ms is None else y(p95_ms),
        ticks,
    )
