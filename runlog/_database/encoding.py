r"""Text for a database whose encoding is not UTF-8: what it cannot hold is marked, visibly.

``5 €`` becomes ``5 \u20ac`` in a LATIN1 database, as Python would write it. Otherwise PostgreSQL
refuses the whole row (22P05). Pure.
"""

from __future__ import annotations

import codecs
from functools import cache

from runlog._process.fork import without_fork

_HOLD_EVERYTHING = frozenset({"UTF8", "SQL_ASCII"})

_OTHER_NAMES = {"KOI8R": "koi8-r", "KOI8U": "koi8-u", "EUC_CN": "gb2312", "EUC_KR": "euc-kr"}


@cache
def codec_of(server_encoding: str | None) -> str | None:
    """Return Python's name of a database's encoding; None where it holds every character.

    Of an encoding that Python does not know nothing but ASCII is relied on.
    """
    if server_encoding is None or server_encoding in _HOLD_EVERYTHING:
        return None
    name = _OTHER_NAMES.get(server_encoding, server_encoding.replace("WIN", "cp"))
    try:
        with without_fork():  # Python loads a module of it.
            return codecs.lookup(name).name
    except LookupError:
        return "ascii"


def marked(text: str, codec: str, *, is_json: bool = False) -> str:
    """Return ``text`` with an escape for each character that ``codec`` does not have.

    In JSON the backslash itself is escaped: jsonb would make the character of a bare one again.
    """
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return "".join(_held(character, codec, is_json=is_json) for character in text)
    return text


def _held(character: str, codec: str, *, is_json: bool) -> str:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        escape = character.encode("ascii", "backslashreplace").decode()
        return f"\\{escape}" if is_json else escape
    return character
