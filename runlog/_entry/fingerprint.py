"""What makes two errors one: the same for messages that differ in numbers and ids only.

The same in SQL: ``sql/parts/fingerprint.sql``, for entries that do not carry theirs. A test
compares the two. Pure.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_LONGEST: Final = 500
_VARYING: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"
    r"|0x[0-9a-fA-F]+"
    r"|(?<![0-9A-Za-z_])[0-9a-fA-F]{12,}(?![0-9A-Za-z_])"
    r"|[0-9]+"
)
_DIGITS: Final = 12


def fingerprint_of(error_type: str | None, message: str) -> str:
    """Return the fingerprint of an error, 12 hexadecimal digits.

    Args:
        error_type: the class of the exception; None when there is none.
        message: what the entry says; its first line, of at most 500 characters, counts.
    """
    told = _VARYING.sub("*", message[:_LONGEST].split("\n", 1)[0])
    text = told if error_type is None else f"{error_type}\n{told}"
    digest = hashlib.md5(text.encode(), usedforsecurity=False)
    return digest.hexdigest()[:_DIGITS]
