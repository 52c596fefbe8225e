"""Values as people read them in a line of text: times, durations, numbers.

Pure. Not here: formats and tables (``cli.show``), the pages' own way (``dashboard``). Text is made
harmless by ``_process.visible``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DAYS_SHOWN_AS_HOURS = 2
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def moment(when: datetime | None, *, utc: bool) -> str:
    """Return date and time to the second, local time unless ``utc``."""
    if when is None:
        return ""
    return when.astimezone(UTC if utc else None).strftime("%Y-%m-%d %H:%M:%S")


def clock(when: datetime, *, utc: bool) -> str:
    """Return date and time to the millisecond."""
    local = when.astimezone(UTC if utc else None)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"


def duration(milliseconds: float | None) -> str:
    """Return a span in one or two units: ``850 ms``, ``1.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if milliseconds is None:
        return ""
    seconds = float(milliseconds) / 1000
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60} min {whole % 60} s"
    if whole < _DAYS_SHOWN_AS_HOURS * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // 60} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def ago(when: datetime | None, now: datetime) -> str:
    """Return how long ago that was, in one unit; nothing for None."""
    if when is None:
        return ""
    seconds = (now - when).total_seconds()
    if seconds < 0:
        return "in the future"
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def number(value: float | Decimal | None) -> str:
    """Return a number with its thousands apart; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        # Not normalize(): it writes 100 as 1E+2.
        text = f"{value:,f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return ``1 run``, ``2 runs``, ``0 entries``; ``many`` where more than the end changes."""
    if not many:
        many = f"{one[:-1]}ies" if one.endswith("ry") else f"{one}s"
    return f"{number(count)} {one if count == 1 else many}"


def share(part: float | None) -> str:
    """Return a share of one as a percentage; 100 % only when it is all."""
    if part is None:
        return ""
    percent = 100 * float(part)
    if 99.5 <= percent < 100:  # noqa: PLR2004 - rounds to 100
        return "99 %"
    return f"{percent:.0f} %" if percent >= 1 or percent == 0 else "<1 %"


def size(count: float | None) -> str:
    """Return bytes in the unit that fits: ``999 B``, ``1.5 KiB``, ``512 MiB``."""
    if count is None:
        return ""
    amount = float(count)
    at = 0
    # What would be rounded to 1024 is one of the next unit.
    while amount >= 1023.5 and at < len(_UNITS) - 1:  # noqa: PLR2004
        amount, at = amount / 1024, at + 1
    # Three digits are enough.
    return f"{amount:.{1 if at and amount < 99.95 else 0}f} {_UNITS[at]}"  # noqa: PLR2004
