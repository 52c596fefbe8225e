"""What a cron expression may be: five fields that each mean something, and a day that comes. Pure.

Not here: when it comes (``alerts``, by cronsim, which a script that only declares needs not have).
"""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: Final = (
    ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7),
)  # fmt: skip
_LAST_DAYS: Final = re.compile(r"LW?")
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""How many days each month can have."""
_NTH_WEEKDAY: Final = re.compile(r"([A-Z]+|\d+)#[1-5]|[0-7]L")


def checked_cron(text: str) -> str:
    """Return a cron expression as it is stored, in capitals.

    Raises:
        ValueError: it is none, or never comes.
    """
    fields = text.upper().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"has {len(fields)} field{'s' * (len(fields) != 1)}; use 5: minute hour day month "
            "weekday, such as '*/15 * * * *', or 'every 15m'"
        )
    for (name, low, high), field in zip(_FIELDS, fields, strict=True):
        if not all(_is_term(name, term, low, high) for term in field.split(",")):
            raise ValueError(f": bad {name}; use {low} to {high}")
    _must_come(*fields[2:])
    return " ".join(fields)


def _must_come(days: str, months: str, weekdays: str) -> None:
    """Refuse a day that none of the months has; cron takes either day where neither is a star."""
    if not (days.startswith("*") or weekdays.startswith("*")) or "L" in days:
        return
    first = min(span.start for term in days.split(",") if (span := _span_of(*_FIELDS[2], term)))
    spans = [span for term in months.split(",") if (span := _span_of(*_FIELDS[3], term))]
    if all(_LONGEST[month - 1] < first for span in spans for month in span):
        raise ValueError(
            f"never comes: no month of {months} has a day {first}; 'L' is its last day"
        )


def _is_term(name: str, term: str, low: int, high: int) -> bool:
    if name == "day" and _LAST_DAYS.fullmatch(term):
        return True
    if name == "weekday" and _NTH_WEEKDAY.fullmatch(term):
        return term.endswith("L") or _number(name, term.partition("#")[0], low, high) is not None
    return _span_of(name, low, high, term) is not None


def _span_of(name: str, low: int, high: int, term: str) -> range | None:
    """Return the numbers that a term means; None: it means nothing."""
    span, slash, step = term.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return None
    first, dash, last = (str(low), "-", str(high)) if span == "*" else span.partition("-")
    begin = _number(name, first, low, high)
    end = _number(name, last, low, high) if dash else high if slash else begin
    if begin is None or end is None or begin > end:
        return None
    return range(begin, end + 1, int(step or 1))


def _number(name: str, text: str, low: int, high: int) -> int | None:
    names = {"month": _MONTHS, "weekday": _DAYS}.get(name, ())
    if text in names:
        return names.index(text) + low
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    return None
