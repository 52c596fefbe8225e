"""Contenders take turns, and what their figures say side by side.

One round is one turn of each contender; the first rounds are warm-up and left out. Ratios are taken
within a round, where the machine was in the same mood, and the median of those is what counts; the
ratio of the two medians stands beside it. Nothing here knows what is measured.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Sample = dict[str, float]
"""What one turn of one contender gave: figures by name, the unit at the end of the name."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some figures, with the lowest and the highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Self:
        sorted_figures = sorted(figures)
        return cls(statistics.median(sorted_figures), sorted_figures[0], sorted_figures[-1])


def take_turns(
    contenders: Mapping[str, Callable[[], Sample]],
    repeat: int,
    warmup: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, list[Sample]]:
    """Let every contender run once a round: A B C, A B C, …; return the samples of each.

    Args:
        contenders: what gives a sample, by name.
        repeat: rounds that count.
        warmup: rounds before them that do not.
        tell: is told of each turn.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for number in range(-warmup, repeat):
        for name, measure in contenders.items():
            sample = measure()
            shown = "  ".join(f"{key}={figure:.4g}" for key, figure in sample.items())
            tell(f"{'warm-up' if number < 0 else number + 1} {name}: {shown}")
            if number >= 0:
                samples[name].append(sample)
    return samples


def pair(ours: list[float], theirs: list[float]) -> list[tuple[float, float]]:
    """Return the figures of the same rounds, side by side."""
    return list(zip(ours, theirs, strict=True))
