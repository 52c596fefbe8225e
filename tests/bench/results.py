"""From samples to the row of a table: medians, spreads, ratios, and whether the goal is reached."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rounds import Spread, pair

if TYPE_CHECKING:
    from collections.abc import Iterable

    from measures import Goal, Measure
    from rounds import Sample

_SPREADS = ("ours", "theirs", "ratio", "difference")
UNITS = {
    "us": "µs",
    "ms": "ms",
    "seconds": "s",
    "mib": "MiB",
    "bytes": "B",
    "entry": "µs",
    "pages": "",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A measure's figures.

    Attributes:
        ours: of our contender.
        theirs: of the other one.
        ratio: of both in the same round; theirs / ours where the measure tells a gain.
        ratio_of_medians: the same of the two medians.
        difference: ours less theirs in the same round.
        further: our other figures of the same turns.
    """

    measure: Measure
    rounds: int
    ours: Spread
    theirs: Spread | None
    ratio: Spread | None
    ratio_of_medians: float | None
    difference: Spread | None
    further: dict[str, Spread]

    @property
    def unit(self) -> str:
        return UNITS[self.measure.figure.rpartition("_")[2]]

    @property
    def is_reached(self) -> bool | None:
        """None when there is no goal."""
        if not self.measure.goals:
            return None
        return all(goal.is_reached(self._median(goal)) for goal in self.measure.goals)

    def _median(self, goal: Goal) -> float:
        side: Spread | None = getattr(self, goal.of)
        assert side is not None
        return side.median

    def as_json(self) -> dict[str, Any]:
        """Return everything, for --json."""
        return {**asdict(self), "unit": self.unit, "reached": self.is_reached}


def from_json(row: dict[str, Any], measures: Iterable[Measure]) -> Result:
    """Return the result that ``as_json`` told, of an earlier run."""
    measure = next(each for each in measures if each.name == row["measure"]["name"])
    spreads = {name: row[name] and Spread(**row[name]) for name in _SPREADS}
    further = {name: Spread(**told) for name, told in row["further"].items()}
    return Result(measure, row["rounds"], ratio_of_medians=row["ratio_of_medians"],
                  further=further, **spreads)  # fmt: skip


def compare(measure: Measure, samples: dict[str, list[Sample]]) -> Result:
    """Return the row of ``measure``."""
    ours = [sample[measure.figure] for sample in samples[measure.ours]]
    theirs = [sample[measure.figure] for sample in samples.get(measure.theirs or "", [])]
    if not theirs:
        return Result(measure, len(ours), Spread.of(ours), None, None, None, None,
                      _further(measure, samples[measure.ours]))  # fmt: skip
    both = pair(ours, theirs)
    ratios = [b / a if measure.gain else a / b for a, b in both]
    a, b = Spread.of(ours), Spread.of(theirs)
    return Result(
        measure, len(ours), a, b,
        ratio=Spread.of(ratios),
        ratio_of_medians=b.median / a.median if measure.gain else a.median / b.median,
        difference=Spread.of(x - y for x, y in both),
        further=_further(measure, samples[measure.ours]),
    )  # fmt: skip


def _further(measure: Measure, samples: list[Sample]) -> dict[str, Spread]:
    names = [name for name in samples[0] if name != measure.figure]
    return {name: Spread.of(sample[name] for sample in samples) for name in names}


def show_number(number: float) -> str:
    """Return three digits or so, as people read them."""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.2f}" if abs(number) < 10 else f"{number:.1f}"


def show(spread: Spread | None, unit: str = "") -> str:
    """Return ``median unit (low to high)``."""
    if spread is None:
        return "-"
    between = f"({show_number(spread.low)} to {show_number(spread.high)})"
    return " ".join(filter(None, (show_number(spread.median), unit, between)))


def show_goals(measure: Measure, unit: str) -> str:
    """Return what should be reached."""
    shown = []
    for goal in measure.goals:
        sign = "≥" if goal.at_least else "≤"
        number = f"{goal.limit:g}"
        words = {"ratio": number, "ours": f"{number} {unit}", "difference": f"{number} {unit} more"}
        shown.append(f"{sign} {words[goal.of]}")
    return " and ".join(shown) or "-"


def show_reached(result: Result) -> str:
    """Return yes, no or a dash."""
    return {None: "-", True: "yes", False: "no"}[result.is_reached]


HEADERS = ("measure", "runlog", "against", "theirs", "ratio", "goal", "reached")


def cells(result: Result) -> tuple[str, ...]:
    """Return the cells of the table's row; a difference stands in place of the ratio if it counts."""
    measure, unit = result.measure, result.unit
    compared = show(result.ratio)
    if any(goal.of == "difference" for goal in measure.goals):
        compared = f"+{show(result.difference, unit)}"
    return (
        measure.title, show(result.ours, unit), measure.against, show(result.theirs, unit),
        compared, show_goals(measure, unit), show_reached(result),
    )  # fmt: skip
