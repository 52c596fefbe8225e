"""Text that no service takes as its own: no mention, no markup, nothing unseen. Pure."""

from __future__ import annotations

import re
from typing import Final

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_JOINER: Final = "\u2060"
"""A word joiner: nobody sees it, and it breaks what a service would act on."""
_ACTING: Final = re.compile(r"(@)(?=\w)|(<)(?=[!@#:&/a-zA-Z0-9])|(\])(?=\()")
_FENCE: Final = re.compile(r"`{3,}")
_HEAD: Final = 0.7
_LEAST: Final = 20


def neutral(text: str) -> str:
    """Return ``text`` so that it pings nobody and links nowhere."""
    shown = _UNSEEN.sub(_escape, text.replace("\r\n", "\n"))
    joined = _ACTING.sub(lambda match: match[0] + _JOINER, shown)
    return _FENCE.sub(lambda match: "'" * len(match[0]), joined)


def one_line(text: str, limit: int) -> str:
    """Return the first line of ``text``, at most ``limit`` characters of it."""
    first = next((line for line in text.splitlines() if line.strip()), "").strip()
    return first if len(first) <= limit else first[: limit - 1] + "…"


def cut(text: str, limit: int) -> str:
    """Return ``text`` of at most ``limit`` characters: its head and tail, and how much is left out.

    A limit of 0 is none.
    """
    if limit <= 0 or len(text) <= limit:
        return text
    mark = f" … {len(text) - limit} characters left out … "
    kept = limit - len(mark)
    if kept < _LEAST:
        return text[:limit]
    head = int(kept * _HEAD)
    mark = f" … {len(text) - kept} characters left out … "
    return (text[:head] + mark + text[len(text) - (kept - head) :])[:limit]


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte
