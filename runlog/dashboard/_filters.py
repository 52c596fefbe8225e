"""What a page's query string asks for: periods, moments, levels, runs to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from starlette.exceptions import HTTPException

from runlog.dashboard._site import viewer
from runlog.queries._parameters import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

PERIODS: Final = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "14d": timedelta(days=14),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "365d": timedelta(days=365),
}
PERIOD_WORDS: Final = {
    "1h": "1 hour",
    "24h": "24 hours",
    "7d": "7 days",
    "14d": "14 days",
    "30d": "30 days",
    "90d": "90 days",
    "365d": "a year",
    "all": "all time",
}
# Longer than anybody types; shorter than what makes a pattern slow.
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Period:
    """Which time a page is about.

    Attributes:
        name: a key of ``PERIODS``, ``all``, or ``custom`` when moments are given.
        since: a span back from now, or a moment; None is from the beginning.
        until: before this moment; None is until now.
    """

    name: str
    since: datetime | timedelta | None
    until: datetime | None

    @property
    def words(self) -> str:
        """The period as a person says it."""
        return PERIOD_WORDS.get(self.name, "the chosen time")


def text_of(request: Request, name: str) -> str | None:
    """Return a parameter; None when it is empty. What PostgreSQL cannot hold is refused."""
    value = request.query_params.get(name, "").strip()
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise HTTPException(400, f"{name} holds a character that no text in the database has")
    return value[:_LONGEST] or None


def period_of(request: Request, default: str, choices: Sequence[str]) -> Period:
    """Return the period of ``period=``, or of ``from=`` and ``to=``."""
    begin, end = moment_of(request, "from"), moment_of(request, "to")
    name = request.query_params.get("period", "")
    if begin or end:
        fallback = PERIODS.get(default) if begin is None and end is None else None
        return Period("custom", begin or fallback, end)
    if name not in choices:
        name = default
    return Period(name, PERIODS.get(name), None)


def moment_of(request: Request, name: str) -> datetime | None:
    """Return the moment that a parameter names; without an offset it is the viewer's time."""
    text = text_of(request, name)
    if text is None:
        return None
    moment = _parsed(text)
    if moment is None:
        raise HTTPException(
            400, f"{name}={text!r} is no moment; write 2026-01-31 or 2026-01-31T09:00"
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=viewer(request).zone)
    return moment


def _parsed(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # At the ends of the calendar nothing can be counted on, nor be told in another time zone.
    return moment if MINYEAR < moment.year < MAXYEAR else None


def level_of(request: Request) -> str | None:
    """Return the level of ``level=``: it and those above."""
    level = (text_of(request, "level") or "").upper()
    return level if level in LEVELS else None


def whole_number(request: Request, name: str) -> int | None:
    """Return a parameter that is a count or a line's number."""
    text = text_of(request, name)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004 - fits


def id_of(text: str | None) -> UUID | None:
    """Return the id that ``text`` is; None when it is none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
