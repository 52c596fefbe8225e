"""The options that many commands share, and how their values are read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from runlog.queries._parameters import LEVELS
from runlog.queries._states import STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    _SinceType = click.ParamType[datetime | timedelta]
    _AgeType = click.ParamType[timedelta]
else:
    # Generic only in click's stubs of 8.5 and newer.
    _SinceType = _AgeType = click.ParamType

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(min|m|sec|s|h|d|w)")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = timedelta(days=36500)


class _Since(_SinceType):
    """A span back from now, such as 90s, 30m, 24h, 7d, 2w or 1d12h; or a date or moment."""

    name = "span|date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta:
        """Return what ``value`` tells."""
        if isinstance(value, (datetime, timedelta)):
            return value
        try:
            return span(value) or _moment(value)
        except ValueError:
            self.fail(
                f"{value!r} is no span such as 24h or 7d and no date such as 2026-01-31", param, ctx
            )


class _Age(_AgeType):
    """A span such as 30d, 12h or 4w."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the span that ``value`` tells."""
        try:
            found = value if isinstance(value, timedelta) else span(value)
        except ValueError:
            found = None
        if found is None:
            self.fail(f"{value!r} is no span such as 30d, 12h or 4w", param, ctx)
        return found


SINCE = _Since()
AGE = _Age()


def span(text: str) -> timedelta | None:
    """Return the span that ``text`` tells, None when it tells none.

    Raises:
        ValueError: it is longer than a century.
    """
    compact = text.strip().lower()
    if not compact or _SPAN.sub("", compact).strip():
        return None
    seconds = sum(float(amount) * _SECONDS[unit] for amount, unit in _SPAN.findall(compact))
    if seconds > _LONGEST.total_seconds():
        raise ValueError("too long")
    return timedelta(seconds=seconds)


def _moment(text: str) -> datetime:
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    if text.strip().lower() in {"today", "yesterday"}:
        return today - timedelta(days=text.strip().lower() == "yesterday")
    # Without an offset it is local time.
    return datetime.fromisoformat(text.strip()).astimezone()


def script_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--script``."""
    return click.option(
        "--script", metavar="NAME", help="Only this script; a pattern such as 'hubspot-*' will do."
    )(function)


def since_option(default: str | None, what: str) -> Callable[..., Any]:
    """Add ``--since`` with its default."""
    tail = f" Default: {default}." if default else ""
    return click.option(
        "--since",
        type=SINCE,
        default=default,
        help=f"{what}: 24h, 7d, 2026-01-31, yesterday.{tail}",
    )


def status_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--status``."""
    return click.option(
        "--status", type=click.Choice(STATES), help="Only runs that stand like this."
    )(function)


def level_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--level``."""
    return click.option(
        "--level",
        type=click.Choice(LEVELS, case_sensitive=False),
        help="This level and those above it.",
    )(function)


def entry_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--level``, ``--step`` and ``--grep``."""
    step = click.option("--step", metavar="NAME", help="Only this step; a pattern will do.")
    text = click.option(
        "--grep", "text", metavar="TEXT", help="Only what holds TEXT in message or meta."
    )
    return level_option(step(text(function)))


def limit_option(default: int | None, what: str) -> Callable[..., Any]:
    """Add ``-n``/``--limit`` with its default."""
    tail = f" Default: {default}." if default is not None else ""
    return click.option(
        "-n", "--limit", type=click.IntRange(1), default=default, help=f"{what}{tail}"
    )
