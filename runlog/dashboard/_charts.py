"""From figures to places on paper: heights, points and ticks of the charts. Pure.

The templates draw (``charts.html``); here is only arithmetic. All charts are drawn on a canvas of
whole units and scaled by the browser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


_SMALLEST = 1e-9


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands and how high it is, from the bottom."""

    x: float
    y: float
    width: float
    height: float
    item: Any


def row_of_bars(
    values: Sequence[float | None], items: Sequence[Any], *, places: int, height: int
) -> list[Bar]:
    """Return bars that end at the right of a row of so many places, each 6 wide with a gap of 2.

    The scale is of roots, so that one long run does not press all others to the ground.
    """
    highest = max((value or 0 for value in values), default=0) or 1
    bars = []
    for place, (value, item) in enumerate(zip(values, items, strict=True)):
        tall = max(4, round(math.sqrt(max(value or 0, 0) / highest) * height))
        x = (places - len(values) + place) * 8
        bars.append(Bar(x, height - tall, 6, tall, item))
    return bars


def nice_ceiling(value: float) -> float:
    """Return the next number that is good to read on an axis: 1, 2, 2.5, 5 times a power of ten."""
    if value < _SMALLEST:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.999)


def nice_duration(milliseconds: float) -> float:
    """Return the next duration that is good to read on an axis."""
    steps = (
        100,
        200,
        500,
        1e3,
        2e3,
        5e3,
        1e4,
        2e4,
        3e4,
        6e4,
        12e4,
        3e5,
        6e5,
        12e5,
        18e5,
        36e5,
        72e5,
    )
    return next((step for step in steps if step >= milliseconds), 0) or (
        nice_ceiling(milliseconds / 3.6e6) * 3.6e6
    )


@dataclass(frozen=True, slots=True)
class Stack:
    """One column of a stacked chart: pieces from the bottom up, each (name, y, height, value)."""

    x: float
    width: float
    pieces: list[tuple[str, float, float, float]]
    item: Any


def stacks(
    columns: Sequence[tuple[Any, Sequence[tuple[str, float]]]],
    *,
    width: int,
    height: int,
    ceiling: float,
) -> list[Stack]:
    """Return the columns of a stacked chart."""
    count = max(1, len(columns))
    step = width / count
    made = []
    for place, (item, parts) in enumerate(columns):
        y, pieces = float(height), []
        for name, value in parts:
            tall = value / ceiling * height
            if value:
                tall = max(tall, 1.0)
                y -= tall
                pieces.append((name, round(y, 1), round(tall, 1), value))
        gap = min(2.0, step * 0.2)
        made.append(Stack(round(place * step + gap / 2, 2), round(step - gap, 2), pieces, item))
    return made


def polyline(
    values: Sequence[float | None], *, width: int, height: int, ceiling: float
) -> list[str]:
    """Return the points of a line, in pieces where values are missing."""
    step = width / max(1, len(values))
    pieces: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            y = height - min(value / ceiling, 1.0) * height
            pieces[-1].append(f"{(place + 0.5) * step:.1f},{y:.1f}")
    # A point alone is drawn as a short stroke.
    return [" ".join(piece if len(piece) > 1 else piece * 2) for piece in pieces if piece]


def level_of(value: float, highest: float, levels: int = 4) -> int:
    """Return how dark a cell is, from 0 (nothing) to ``levels``."""
    if not value or not highest:
        return 0
    return min(levels, max(1, math.ceil(math.sqrt(value / highest) * levels)))
