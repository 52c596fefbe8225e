"""When a script is due, and until when it may be late. Pure; cron is understood by cronsim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from runlog._expectations import SEPARATOR, interval_of
from runlog._process.distribution import pip_line
from runlog.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

EARLY: Final = timedelta(minutes=1)
"""A start so much before it is due counts: clocks differ."""
GRACE: Final = timedelta(minutes=10)
GITHUB_GRACE: Final = timedelta(hours=3)
"""GitHub starts scheduled workflows hours late when it is busy."""
_LEAST_GRACE: Final = timedelta(minutes=1)
_CLOCK_CHANGE: Final = timedelta(hours=3)
"""Schedulers disagree by up to an hour so near a change of the clocks."""


class Due(NamedTuple):
    """When the next run is due, and when it is missed."""

    at: datetime
    overdue_at: datetime


class Schedule(NamedTuple):
    """When a script is expected.

    Attributes:
        text: cron expressions or "every 15m", several separated by "; ".
        timezone: IANA name.
        grace: how late a start may be; None: 10 minutes, or half the period if that is less.
        early: how early.
    """

    text: str
    timezone: str = "UTC"
    grace: timedelta | None = None
    early: timedelta = EARLY

    def next_due(
        self,
        declared_at: datetime,
        newest_start: datetime | None,
        newest_end: datetime | None = None,
    ) -> Due | None:
        """Return the first due time that the newest run does not cover; None: there is none.

        Due times before ``declared_at`` do not count, nor those at which the run still went on.
        A first Monday that is a 20th never comes.

        Raises:
            MissingExtraError: cronsim, which understands cron, is not installed.
        """
        parts = self.text.split(SEPARATOR)
        dues = [self._due(part, declared_at, newest_start, newest_end) for part in parts]
        return min((due for due in dues if due is not None), default=None)

    def upcoming(self, after: datetime) -> Iterator[datetime]:
        """Return the due times after a moment, of all its schedules."""
        from heapq import merge

        return merge(*(self._upcoming(part, after) for part in self.text.split(SEPARATOR)))

    def _upcoming(self, part: str, after: datetime) -> Iterator[datetime]:
        if (seconds := interval_of(part)) is not None:
            while True:
                after += timedelta(seconds=seconds)
                yield after
        yield from _firings(part, self.timezone, after)

    def _due(
        self,
        part: str,
        declared_at: datetime,
        newest_start: datetime | None,
        newest_end: datetime | None,
    ) -> Due | None:
        if (seconds := interval_of(part)) is not None:
            period = timedelta(seconds=seconds)
            due = (max(newest_start or declared_at, declared_at) + period).astimezone(UTC)
            if newest_end is not None and newest_end >= due:
                due += period * ((newest_end - due) // period + 1)
            return Due(due, due + self._allowed(period))
        base = declared_at
        if newest_start is not None:
            base = max(declared_at, newest_start + self.early, newest_end or newest_start)
        firings = _firings(part, self.timezone, base)
        first, following = next(firings, None), next(firings, None)
        if first is None:
            return None
        allowed = self._allowed(following - first if following else GRACE * 2)
        if _clocks_change_near(first, self.timezone):
            allowed += timedelta(hours=1)
        return Due(first, first + allowed)

    def _allowed(self, period: timedelta) -> timedelta:
        if self.grace is not None:
            return self.grace
        return max(_LEAST_GRACE, min(GRACE, period / 2))


def _firings(expression: str, timezone: str, after: datetime) -> Iterator[datetime]:
    from zoneinfo import ZoneInfo

    try:
        from cronsim import CronSim, CronSimError
    except ImportError:
        raise MissingExtraError(
            f'schedules need cronsim: {pip_line("alerts")} (or declare "every 15m", or fresh, '
            "which need nothing)"
        ) from None
    try:
        firings = CronSim(expression, after.astimezone(ZoneInfo(timezone)))
    except CronSimError:
        # It never comes: nothing is due, which must not keep anybody from looking at the others.
        return
    for firing in firings:
        yield firing.astimezone(UTC)


def _clocks_change_near(moment: datetime, timezone: str) -> bool:
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(timezone)
    around = (moment - _CLOCK_CHANGE, moment, moment + _CLOCK_CHANGE)
    return len({at.astimezone(zone).utcoffset() for at in around}) > 1
