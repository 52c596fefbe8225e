r"""COPY text: fields ↔ lines, as PostgreSQL's ``COPY … FROM STDIN`` reads them.

Lives here: the escaping of one field, and whole blocks of lines back to rows. Not here: what is in
the fields (``_entry``). Pure. Escaping runs on the caller's thread, decoding on the shipper's.

A line that a torn write left behind is ended by ``CANCEL`` and is no row. Where another thread was
quicker, its row ran into the torn one, whose entry stands elsewhere: an id tells where it begins.
https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2
"""

from __future__ import annotations

import json
import re

#: Ends the line that a torn write left behind; no row ends like that.
CANCEL = b"\x18\n"
_CANCEL = "\x18"
_FIELDS = 7
ID_LENGTH = 36
"""Characters of an id, of an entry's and of a run's."""
_ID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escape(text: str) -> str:
    """Return ``text`` as it stands in a line; it must be storable already."""
    return text.translate(_ESCAPES)


def count_newlines(block: bytes) -> int:
    """Return how many lines a block of whole lines has, of whatever kind."""
    # CPython counts byte by byte, but replaces with memchr: five times as fast for such lines.
    return len(block) - len(block.replace(b"\n", b""))


def decode_lines(block: bytes) -> tuple[list[list[str]], list[bytes]]:
    """Return the rows of a block of whole lines, seven texts each, and the damaged lines.

    Blank and cancelled lines are neither.
    """
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return _decode_one_by_one(block)
    if _CANCEL in text or "\0" in text:
        return _decode_one_by_one(block)
    rows: list[list[str]] = []
    for line in text.split("\n"):
        row = line.split("\t")
        if len(row) == _FIELDS and len(row[0]) <= ID_LENGTH:
            rows.append(_unescape(row) if "\\" in line else row)
        elif line:
            return _decode_one_by_one(block)
    return rows, []


def _decode_one_by_one(block: bytes) -> tuple[list[list[str]], list[bytes]]:
    rows: list[list[str]] = []
    damaged: list[bytes] = []
    for line in block.split(b"\n"):
        if not line or line.endswith(CANCEL[:1]):
            continue
        found = _find_rows(line)
        rows += found
        if not found:
            damaged.append(line)
    return rows, damaged


def _find_rows(line: bytes) -> list[list[str]]:
    """Return the row of a line, or those that ran into one another; what is left was torn."""
    rows: list[list[str]] = []
    while line and b"\0" not in line:
        first, *rest = line.rsplit(b"\t", _FIELDS - 1)
        is_id = re.fullmatch(_ID, first[-ID_LENGTH:])
        start = len(first) - ID_LENGTH if is_id else 0
        row = _decode(b"\t".join([first[start:], *rest]))
        if row is None or (rows and not _is_whole(row)):
            break
        rows.insert(0, row)
        line = first[:start]
    return rows


def _is_whole(row: list[str]) -> bool:
    try:
        json.JSONDecoder().raw_decode(row[-1])
    except ValueError:
        return False
    return True


def _decode(line: bytes) -> list[str] | None:
    try:
        row = line.decode().split("\t")
    except UnicodeDecodeError:
        return None
    return _unescape(row) if len(row) == _FIELDS else None


def _unescape(row: list[str]) -> list[str]:
    # NUL stands for the backslash meanwhile; no line that comes here has one.
    return [
        field.replace("\\\\", "\0")
        .replace("\\t", "\t")
        .replace("\\n", "\n")
        .replace("\\r", "\r")
        .replace("\0", "\\")
        if "\\" in field
        else field
        for field in row
    ]
