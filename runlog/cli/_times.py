"""Spans and moments as people type them: ``24h``, ``1 hour ago``, ``yesterday``, ``2026-01-31``.

What can be meant in two ways is refused with a word: ``6M`` is six months to some programs and six
minutes to others.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    _SinceType = click.ParamType[datetime | timedelta]
    _AgeType = click.ParamType[timedelta]
else:
    # Generic only in click's stubs of 8.5 and newer.
    _SinceType = _AgeType = click.ParamType

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")
_SECOND, _MINUTE, _HOUR, _DAY, _WEEK = 1, 60, 3600, 86400, 604800
_SECONDS: Final = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), _SECOND),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), _MINUTE),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), _HOUR),
    **dict.fromkeys(("d", "day", "days"), _DAY),
    **dict.fromkeys(("w", "week", "weeks"), _WEEK),
}
_OF_NO_FIXED_LENGTH: Final = frozenset({"mo", "mon", "month", "months", "y", "yr", "year", "years"})
_LONGEST: Final = timedelta(days=36500)


class _UnclearError(ValueError):
    """It can be meant in two ways; the message says in which."""


class _Since(_SinceType):
    """A span back from now, such as 90s, 24h, 7d, 1d12h or "1 hour ago"; or a date or moment."""

    name = "span|date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta:
        """Return what ``value`` tells."""
        if isinstance(value, (datetime, timedelta)):
            return value
        try:
            found = span(value)
            return _moment(value) if found is None else found
        except _UnclearError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no span such as 24h or 7d and no date such as 2026-01-31", param, ctx
            )


class _Age(_AgeType):
    """A span such as 30d, 12h or 4w."""

    name = "span"

    def __init__(self, *, is_for_deleting: bool = False) -> None:
        self._is_for_deleting = is_for_deleting

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the span that ``value`` tells."""
        if isinstance(value, timedelta):
            return value
        told = f"{value!r} is no span such as 30d, 12h or 4w"
        try:
            found = span(value, is_for_deleting=self._is_for_deleting)
        except _UnclearError as error:
            found, told = None, f"{value!r}: {error}"
        if found is None:
            self.fail(told, param, ctx)
        return found


SINCE = _Since()
AGE = _Age()
AGE_OF_WHAT_GOES = _Age(is_for_deleting=True)


def span(text: str, *, is_for_deleting: bool = False) -> timedelta | None:
    """Return the span that ``text`` tells, None when it tells none.

    Args:
        text: what was typed; "ago" at its end changes nothing.
        is_for_deleting: then "m" is not taken for minutes either.

    Raises:
        _UnclearError: it can be meant in two ways, or it is longer than a century.
    """
    compact = re.sub(r"\s+ago$", "", text.strip(), flags=re.IGNORECASE)
    if not compact or _PART.sub("", compact).strip(" ,"):
        return None
    seconds = 0.0
    for amount, unit in _PART.findall(compact):
        if unit == "M" or (unit == "m" and is_for_deleting):
            raise _UnclearError(
                f'"{amount}{unit}" can be minutes or months; write {amount}min, or months in days'
            )
        if unit.lower() in _OF_NO_FIXED_LENGTH:
            raise _UnclearError(
                "months and years differ in length; write them in days, such as 180d"
            )
        if unit.lower() not in _SECONDS:
            return None
        seconds += float(amount) * _SECONDS[unit.lower()]
    if seconds > _LONGEST.total_seconds():
        raise _UnclearError("it is longer than a century")
    return timedelta(seconds=seconds)


def moment_of(told: datetime | timedelta | None) -> datetime | None:
    """Return the moment that is meant; a span goes back from this machine's now."""
    return datetime.now().astimezone() - told if isinstance(told, timedelta) else told


def _moment(text: str) -> datetime:
    word = text.strip().lower()
    if word in {"today", "yesterday"}:
        # That day's own midnight: its clock may have been changed since.
        day = date.today() - timedelta(days=word == "yesterday")  # noqa: DTZ011 - local on purpose
        return datetime.combine(day, time.min).astimezone()
    # Without an offset it is local time.
    return datetime.fromisoformat(text.strip()).astimezone()
