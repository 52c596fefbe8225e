"""What a program writes for a terminal's eyes alone, and where a stream of bytes may be cut.

The grammar of ECMA-48 (https://ecma-international.org/publications-and-standards/standards/ecma-48):
control sequences, control strings, and escape sequences of two and more characters. Pure.
"""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI … final: colours, also with colons, and cursor moves
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # strings: titles
    r"|\x1b[ -/]+[0-~]"  # character sets: tput sgr0 ends with one
    r"|\x1b[0-OQ-WYZ\\`-~]"  # save, restore, reset, keypad
)
_COMPLETE = re.compile(_SEQUENCE.pattern.encode("latin-1"))
_OPEN_STRING = re.compile(rb"\x1b[PX\]^_][^\x07\x1b]*")
_LONGEST_SEQUENCE = 256
_LEADS = ((0xF0, 4), (0xE0, 3), (0xC0, 2))


def without_escapes(text: str) -> str:
    """Return ``text`` without the sequences that a terminal obeys."""
    return _SEQUENCE.sub("", text)


def safe_cut(content: bytes) -> int:
    """Return where ``content`` may be cut: not inside a letter of UTF-8 nor an escape sequence.

    At most 256 bytes before its end: what is longer is no letter and no usual sequence.
    """
    start = content.rfind(b"\x1b", -_LONGEST_SEQUENCE)
    if start >= 0 and not _COMPLETE.match(content, start):
        # The beginning of a string's end belongs to the string.
        before = content.rfind(b"\x1b", max(0, start - _LONGEST_SEQUENCE), start)
        is_inside = before >= 0 and _OPEN_STRING.fullmatch(content, before, start)
        return before if is_inside else start
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte & 0xC0 != 0x80:  # noqa: PLR2004 - a byte that continues no letter
            length = next((length for lead, length in _LEADS if byte >= lead), 1)
            return len(content) - back if length > back else len(content)
    return len(content)
