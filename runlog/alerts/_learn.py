"""From the starts of the past to a schedule: proposed with a score, refused when unsure. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from runlog.alerts._schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_TOLERANCE: Final = timedelta(minutes=3)
_LEAST_SCORE: Final = 0.9
_LEAST_DUES: Final = 8
_MINUTES: Final = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
_HOURS: Final = (2, 3, 4, 6, 8, 12)
_DAY_MINUTES: Final = 1440


class Proposal(NamedTuple):
    """A schedule that the past fits.

    Attributes:
        score: the smaller of two shares: due times that had a start, starts that had a due time.
    """

    schedule: str
    score: float


class _Candidate(NamedTuple):
    schedule: str
    minutes: int
    """How far apart its firings are, about."""


def infer(starts: Iterable[datetime], timezone: str) -> Proposal | None:
    """Return the schedule that fits these starts best; None when none fits well enough."""
    ordered = sorted(start.astimezone(UTC) for start in starts)
    if len(ordered) < _LEAST_DUES:
        return None
    span = ordered[-1] - ordered[0]
    fitting = []
    for candidate in _candidates(ordered, timezone):
        expected = span / timedelta(minutes=candidate.minutes)
        # Far more due times than starts cannot fit; not worth counting them.
        if expected <= 2 * len(ordered):
            score = _score(candidate.schedule, timezone, ordered)
            fitting.append(Proposal(candidate.schedule, score))
    best = max(fitting, key=lambda each: each.score, default=None)
    return best if best is not None and best.score >= _LEAST_SCORE else None


def _candidates(starts: list[datetime], timezone: str) -> Iterator[_Candidate]:
    local = [start.astimezone(ZoneInfo(timezone)) for start in starts]
    minute = _usual(each.minute for each in local)
    hour = _usual(each.hour for each in local)
    for n in _MINUTES:
        yield _Candidate(f"{_steps(_usual(e.minute % n for e in local), n, 59)} * * * *", n)
    yield _Candidate(f"{minute} * * * *", 60)
    for n in _HOURS:
        hours = _steps(_usual(each.hour % n for each in local), n, 23)
        yield _Candidate(f"{minute} {hours} * * *", 60 * n)
    yield _Candidate(f"{minute} {hour} * * *", _DAY_MINUTES)
    yield _Candidate(f"{minute} {hour} * * 1-5", _DAY_MINUTES)
    weekday = _usual(each.isoweekday() % 7 for each in local)
    yield _Candidate(f"{minute} {hour} * * {weekday}", 7 * _DAY_MINUTES)
    day = _usual(each.day for each in local)
    yield _Candidate(f"{minute} {hour} {day} * *", 28 * _DAY_MINUTES)


def _steps(offset: int, n: int, last: int) -> str:
    if n == 1:
        return "*"
    return f"*/{n}" if offset == 0 else f"{offset}-{last}/{n}"


def _usual(values: Iterable[int]) -> int:
    return Counter(values).most_common(1)[0][0]


def _score(schedule: str, timezone: str, starts: list[datetime]) -> float:
    first, last = starts[0] - _TOLERANCE, starts[-1] + timedelta(seconds=1)
    dues = []
    for due in Schedule(schedule, timezone).upcoming(first):
        if due > last:
            break
        dues.append(due)
    if len(dues) < _LEAST_DUES:
        return 0.0
    met = _met(dues, starts)
    covered = _met(starts, [due - timedelta(seconds=30) for due in dues], is_before=True)
    return min(met / len(dues), covered / len(starts))


def _met(moments: list[datetime], others: list[datetime], *, is_before: bool = False) -> int:
    """Count the moments that have one of the others within the tolerance, after or before them."""
    found, place = 0, 0
    low, high = (-_TOLERANCE, timedelta()) if is_before else (-timedelta(seconds=30), _TOLERANCE)
    for moment in moments:
        while place < len(others) and others[place] < moment + low:
            place += 1
        found += place < len(others) and others[place] <= moment + high
    return found
