"""Figures, moments and names as people read them: the filters of the templates. Pure.

Not here: the time zone and the wishes of who looks (``_viewer``), how a run stands (``queries``).
"""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson

from runlog import _readable

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING: Final = "\u2013"
_TIMES, _MINUS, _SAME = "\u00d7", "\u2212", "±"
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
# A path segment that no browser, server or proxy takes for anything but a name.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}")
# Control characters but tab and line feed; marks that turn the direction of what follows.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def shown(text: object) -> str:
    """Return ``text`` with every character that would be invisible, or would play tricks, seen."""
    return _UNSEEN.sub(_seen, str(text))


def _seen(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:  # noqa: PLR2004 - where the control characters end
        return chr(0x2400 + code)
    return f"\\u{code:04x}"


def cut(text: object, length: int) -> str:
    """Return the beginning of ``text``, with a mark where it was cut."""
    line = str(text)
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def first_line(text: object) -> str:
    """Return the first line of ``text`` that says anything."""
    return next((line for line in str(text or "").splitlines() if line.strip()), "")


def number(value: Any) -> str:
    """Return a count with separators; a dash for None."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}"


def money(value: Any) -> str:
    """Return a cost with as many decimals as it needs."""
    if value is None:
        return NOTHING
    decimals = 2 if not value or abs(value) >= 1 else 4
    return f"{value:,.{decimals}f}"


def share(value: Any) -> str:
    """Return a share from 0 to 1 in per cent, to a tenth; 100 % only when it is all."""
    if value is None:
        return NOTHING
    per_cent = float(value) * 100
    if 0 < per_cent < 0.05:  # noqa: PLR2004 - would be rounded to nothing
        return "<0.1 %"
    if 99.95 <= per_cent < 100:  # noqa: PLR2004 - would be rounded to what it is not
        per_cent = 99.9
    return f"{per_cent:.0f} %" if per_cent in {0, 100} else f"{per_cent:.1f} %"


def change(value: Any, usual: Any) -> str:
    """Return by how much ``value`` differs from what is usual, in per cent."""
    if value is None or not usual:
        return NOTHING
    per_cent = round((float(value) / float(usual) - 1) * 100)
    if abs(per_cent) > 999:  # noqa: PLR2004 - more digits say nothing more
        return f"{_TIMES}{float(value) / float(usual):,.0f}"
    return f"{'+' if per_cent > 0 else _MINUS if per_cent < 0 else _SAME}{abs(per_cent)} %"


def duration(milliseconds: Any) -> str:
    """Return a duration in at most two units."""
    if milliseconds is None:
        return NOTHING
    ms = max(0, float(milliseconds))
    if ms < _SECOND:
        return f"{ms:.0f} ms"
    if ms < _MINUTE:
        return f"{ms / _SECOND:.1f} s"
    whole = int(ms)
    for size, name, smaller, smaller_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", _SECOND, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return NOTHING


def size(value: Any) -> str:
    """Return a number of bytes; a dash for None."""
    return _readable.size(value) or NOTHING


def aware(moment: datetime) -> datetime:
    """Return ``moment`` with a time zone: columns made without one hold UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def span_ms(begin: datetime | None, end: datetime | None) -> float | None:
    """Return the milliseconds between two moments; None when one is unknown."""
    if begin is None or end is None:
        return None
    return (aware(end) - aware(begin)).total_seconds() * 1000


def span_words(milliseconds: float) -> str:
    """Return a span of time in one unit, as it is said: ``3 min``, ``5 h``, ``12 d``."""
    ms = max(0.0, milliseconds)
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if ms >= unit:
            return f"{ms // unit:.0f} {name}"
    return f"{ms // _SECOND:.0f} s"


def to_json(value: object, *, indent: bool = False) -> str:
    """Return ``value`` as JSON; what JSON does not know is told as text."""
    options = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(value, default=_known, option=options).decode()
    except TypeError:
        # An integer beyond 64 bits, half a letter, or a nesting that only PostgreSQL takes.
        try:
            return json.dumps(value, default=_known, indent=2 if indent else None)
        except RecursionError:
            return '"nested too deep to be shown"'


def _known(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return float(value) if isinstance(value, Decimal) else str(value)


def script_path(name: str) -> str:
    """Return the path of a script's page; names that a path would change go into the query."""
    if _PLAIN_NAME.fullmatch(name) and not name.endswith((".json", ".csv")):
        return f"/scripts/{name}"
    return f"/scripts?name={quote(name, safe='')}"


def with_query(
    path: str, changes: Mapping[str, object], base: Mapping[str, str] | None = None
) -> str:
    """Return ``path`` with the parameters of ``base``, changed; None and "" take one out."""
    merged = {**(base or {}), **changes}
    kept = {name: str(value) for name, value in merged.items() if value not in {None, ""}}
    joint = "&" if "?" in path else "?"
    return f"{path}{joint}{urlencode(kept)}" if kept else path


def day_words(day: date) -> str:
    """Return a day as ``Thu 26 Nov``."""
    return f"{day:%a} {day.day} {day:%b}"
