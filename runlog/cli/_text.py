"""Values as people read them on a terminal: text that cannot harm it, times, durations, numbers.

Pure; knows nothing of formats (``_output``) or tables (``_table``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

# C0 and C1 controls drive terminals; the rest turns the reading direction or breaks lines unseen.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DAYS_SHOWN_AS_HOURS = 2


def visible(text: object, *, keep: str = "") -> str:
    """Return ``text`` with every character that a terminal would obey shown as its escape.

    Args:
        text: anything; None becomes an empty text.
        keep: characters to let through, such as a line feed.
    """

    def shown(match: re.Match[str]) -> str:
        character = match[0]
        if character in keep:
            return character
        code = ord(character)
        return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")  # noqa: PLR2004

    return "" if text is None else _UNSAFE.sub(shown, str(text))


def escaped_in_json(document: str) -> str:
    """Return a JSON document that means the same and holds nothing that a terminal would obey."""
    return _UNSAFE.sub(
        lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", document
    )


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


def share(part: float | None) -> str:
    """Return a share of one as a percentage; 100 % only when it is all."""
    if part is None:
        return ""
    percent = 100 * float(part)
    if 99.5 <= percent < 100:  # noqa: PLR2004 - rounds to 100
        return "99 %"
    return f"{percent:.0f} %" if percent >= 1 or percent == 0 else "<1 %"


def size(count: int | None) -> str:
    """Return bytes in the unit that fits."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:  # noqa: PLR2004
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
