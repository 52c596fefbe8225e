"""Text that a terminal shows and does not obey, also when it came from who knows where.

For the command line and for notices. Pure.
"""

from __future__ import annotations

import re

# C0 and C1 controls drive terminals; the rest turns the reading direction or breaks lines unseen.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


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
