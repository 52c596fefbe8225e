"""From the arguments of the query functions to the parameters of their statements.

Names with patterns, points in time, levels, states and places to go on from. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from runlog.errors import QueryError

if TYPE_CHECKING:
    from runlog.queries._rows import Entry, Run

Since: TypeAlias = datetime | timedelta
"""A moment, or a span back from the database's now."""

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

LEVEL_WORDS: Final = {
    **dict.fromkeys(("debug", "trace"), "DEBUG"),
    **dict.fromkeys(("info", "information", "notice"), "INFO"),
    **dict.fromkeys(("warning", "warn"), "WARNING"),
    **dict.fromkeys(("error", "err", "critical", "crit", "fatal", "exception"), "ERROR"),
}
"""What people call the levels, in lower case."""

EVERYTHING: Final = 2**31 - 1

_WILDCARDS = frozenset("*?")


class Exactly(str):
    """A name that means itself, though ``*`` or ``?`` may be in it."""

    __slots__ = ()


def matching(name: str, value: str | None) -> dict[str, str | None]:
    """Return the two parameters of a name: as it is, or, with ``*`` or ``?`` in it, as a pattern.

    Two, because only equality lets PostgreSQL take the order from an index.
    """
    if value is None or isinstance(value, Exactly) or _WILDCARDS.isdisjoint(value):
        return {name: value and str(value), f"{name}_like": None}
    pattern = _escaped(value).replace("*", "%").replace("?", "_")
    return {name: None, f"{name}_like": pattern}


def containing(text: str | None) -> dict[str, str | None]:
    """Return the pattern that finds ``text`` anywhere, under the name of how it is to be compared.

    In any case; but a text without letters has none, and the cases of ASCII are soon compared.
    """
    names: dict[str, str | None] = {"text_like": None, "text_ascii": None, "text_ilike": None}
    if text is None:
        return names
    has_letters = any(character.isalpha() for character in text)
    kind = ("text_ascii" if has_letters else "text_like") if text.isascii() else "text_ilike"
    return {**names, kind: f"%{_escaped(text)}%"}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def at_least(level: str | None) -> dict[str, list[str] | None]:
    """Return the levels from ``level`` up; by any of their usual names.

    Raises:
        QueryError: there is no such level.
    """
    if level is None:
        return {"levels": None}
    known = LEVEL_WORDS.get(level.lower())
    if known is None:
        raise QueryError(f"level {level!r} is unknown; use one of {', '.join(LEVELS)}")
    return {"levels": list(LEVELS[LEVELS.index(known) :])}


def beginning(
    since: datetime | timedelta | None, until: datetime | None = None
) -> dict[str, object]:
    """Return from when (a moment, or a span back from the database's now) until when."""
    is_span = isinstance(since, timedelta)
    return {
        "since": None if is_span else since,
        "period": since if is_span else None,
        "until": until,
    }


def before_run(run: Run | None) -> dict[str, object]:
    """Return where the page after ``run`` begins, newest first."""
    return {"before_at": run and run.started_at, "before_id": run and run.id}


def before_entry(entry: Entry | None) -> dict[str, object]:
    """Return where the page after ``entry`` begins, newest first."""
    return {"before_at": entry and entry.timestamp, "before_id": entry and entry.id}


def after(place: Entry | datetime | None) -> dict[str, object]:
    """Return where what comes after an entry begins, or what comes from a moment on."""
    if place is None or isinstance(place, datetime):
        return {"after_at": place, "after_id": None}
    return {"after_at": place.timestamp, "after_id": place.id}


def bounds_of(prefix: str) -> dict[str, Any]:
    """Return the lowest and the highest id that begin with ``prefix``, hyphens or not.

    Raises:
        QueryError: no id can begin like this.
    """
    digits = prefix.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):  # noqa: PLR2004 - a UUID's
        raise QueryError(f"{prefix!r} cannot be the beginning of an id; use its first digits")
    return {"lowest": digits.ljust(32, "0"), "highest": digits.ljust(32, "f")}
