"""What makes two errors one: the same for messages that differ in numbers and ids only.

The same in SQL: ``sql/parts/fingerprint.sql``, for entries that do not carry theirs. A test
compares the two. Runs on the caller's thread for each error; pure, and never raises.
"""

from __future__ import annotations

import re
from typing import Any, Final

from runlog._entry.meta import as_dict
from runlog._entry.texts import storable

FIELD: Final = "error_fingerprint"
"""Under which an entry carries it in ``meta``; one that the program gives itself counts."""

_LONGEST: Final = 500
_VARYING: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"
    r"|0x[0-9a-fA-F]+"
    r"|(?<![0-9A-Za-z_])[0-9a-fA-F]{12,}(?![0-9A-Za-z_])"
    r"|[0-9]+"
)
_DIGITS: Final = 12
# What the name of a class looks like; whatever else stands there may be stored as another text.
_TYPE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")


def fingerprint_of(error_type: str | None, message: str) -> str:
    """Return the fingerprint of an error, 12 hexadecimal digits.

    Args:
        error_type: the class of the exception; None when there is none.
        message: what the entry says; its first line, of at most 500 characters, counts.
    """
    # When and where a dead process was last seen is another each time.
    is_death = error_type == "died"
    told = "" if is_death else _VARYING.sub("*", message[:_LONGEST].split("\n", 1)[0])
    text = told if error_type is None else f"{error_type}\n{told}"
    # Loads OpenSSL, which a script without an error does without.
    import hashlib

    digest = hashlib.md5(text.encode(), usedforsecurity=False)
    return digest.hexdigest()[:_DIGITS]


def with_fingerprint(meta: Any, message: str) -> dict[str, Any]:
    """Return the ``meta`` of an error with its fingerprint; as it is where the database reckons it.

    Args:
        meta: the fields of the entry, left as they are.
        message: as it will be stored, but for what ``storable`` does.
    """
    fields = as_dict(meta)
    error_type = fields.get("error_type")
    is_name = type(error_type) is str and _TYPE.fullmatch(error_type) is not None
    if FIELD not in fields and (error_type is None or is_name):
        fields[FIELD] = fingerprint_of(error_type, storable(message))
    return fields
