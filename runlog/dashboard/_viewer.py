"""Who looks: time zone, colours and keys, as their cookies say, and moments as they read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runlog.dashboard import _words as words

if TYPE_CHECKING:
    from collections.abc import Mapping

THEMES: Final = ("auto", "light", "dark")
_RELATIVE_FOR = timedelta(hours=24)
_SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Viewer:
    """One person's way of looking.

    Attributes:
        timezone: whose days and hours are shown, a name of the time zone database.
        theme: one of ``THEMES``.
        has_keys: whether single keys do something (WCAG 2.1.4 wants them to be switched off).
    """

    timezone: str
    theme: str
    has_keys: bool

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return find_zone(self.timezone) or ZoneInfo("UTC")

    def local(self, moment: datetime) -> datetime:
        """Return ``moment`` in the time zone."""
        try:
            return words.aware(moment).astimezone(self.zone)
        except OverflowError:
            return words.aware(moment)

    def clock(self, moment: datetime) -> str:
        """Return the time of day to the millisecond."""
        return self.local(moment).strftime("%H:%M:%S.%f")[:-3]

    def stamp(self, moment: datetime) -> str:
        """Return day and time to the millisecond, for lists of many days."""
        return self.local(moment).strftime("%m-%d %H:%M:%S.%f")[:-3]

    def brief(self, moment: datetime) -> str:
        """Return day and time to the minute."""
        return f"{self.local(moment):%m-%d %H:%M}"

    def moment(self, moment: datetime | None) -> str:
        """Return date and time to the second."""
        return words.NOTHING if moment is None else f"{self.local(moment):%Y-%m-%d %H:%M:%S}"

    def short(self, moment: datetime | None, now: datetime) -> str:
        """Return ``12 min ago`` under 24 hours, the date and time after that."""
        if moment is None:
            return words.NOTHING
        past = words.aware(now) - words.aware(moment)
        if timedelta(0) - _SOON <= past < _SOON:
            return "just now"
        if timedelta(0) < past < _RELATIVE_FOR:
            return f"{words.span_words(past.total_seconds() * 1000)} ago"
        return f"{self.local(moment):%Y-%m-%d %H:%M}"

    def full(self, moment: datetime) -> str:
        """Return the moment in the viewer's zone and in UTC, for a title."""
        local, utc = self.local(moment), words.aware(moment)
        told = f"{local:%Y-%m-%d %H:%M:%S} {local:%Z}"
        return told if self.timezone == "UTC" else f"{told} · {as_utc(utc):%Y-%m-%d %H:%M:%S} UTC"


def as_utc(moment: datetime) -> datetime:
    """Return ``moment`` in UTC."""
    try:
        return words.aware(moment).astimezone(UTC)
    except OverflowError:
        return words.aware(moment)


def iso(moment: datetime) -> str:
    """Return ``moment`` for the ``datetime`` attribute of ``<time>``."""
    return as_utc(moment).isoformat().replace("+00:00", "Z")


def viewer_of(cookies: Mapping[str, str], default_timezone: str) -> Viewer:
    """Return what the cookies say, as far as it can be meant."""
    theme = cookies.get("runlog_theme", "auto")
    timezone = cookies.get("runlog_tz", "")
    return Viewer(
        timezone=timezone if find_zone(timezone) else default_timezone,
        theme=theme if theme in THEMES else "auto",
        has_keys=cookies.get("runlog_keys") != "off",
    )


@lru_cache(maxsize=256)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of that name; None when there is none."""
    try:
        # Bounded and printable before it becomes a path in the database of time zones.
        return ZoneInfo(name) if 0 < len(name) < 64 and name.isascii() else None  # noqa: PLR2004 - the longest is 32
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
