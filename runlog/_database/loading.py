"""From what PostgreSQL sends to Python's values, so that no odd row costs the rows beside it.

Asked for in binary: text would depend on what role, database and shell say of DateStyle and such.

psycopg refuses a whole answer for one moment that no ``datetime`` holds: ``infinity``, a year
before Christ or after 9999. Other programs write such; here it is None. A moment of a column
without a time zone is one of the session's, as it is for PostgreSQL itself. JSON goes through
orjson, which takes half the time, where it agrees with the standard library: it makes a float of an
integer that is longer than 64 bits.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from psycopg import DataError
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.json import set_json_loads

if TYPE_CHECKING:
    from psycopg import Cursor
    from psycopg.abc import Buffer

_LONG_NUMBER: Final = re.compile(rb"[0-9]{20}")
_MOMENTS: Final = ("timestamptz", "timestamp", "date")
_UNKNOWN_TYPE: Final = 0


def load_safely(cursor: Cursor[Any]) -> None:
    """Have ``cursor`` read every row, whatever other programs wrote, in whatever session."""
    cursor.format = Format.BINARY
    for name in _MOMENTS:
        oid = cursor.adapters.types[name].oid
        usual = cursor.adapters.get_loader(oid, Format.BINARY)
        assert usual is not None  # noqa: S101 - psycopg's own
        cursor.adapters.register_loader(oid, _loader(name, usual))
    # An enum, a citext: what psycopg does not know is text to runlog.
    cursor.adapters.register_loader(_UNKNOWN_TYPE, _Text)
    set_json_loads(_json, cursor)


class _Text(Loader):
    """Text in UTF-8, and visibly what is none."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "backslashreplace")


@cache
def _loader(name: str, usual: type[Any]) -> type[Loader]:
    class Moment(Loader):
        format = Format.BINARY

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._load = usual(oid, context).load
            is_naive = name == "timestamp" and self.connection is not None
            self._zone = self.connection.info.timezone if is_naive and self.connection else None

        def load(self, data: Buffer) -> Any:
            try:
                moment = self._load(data)
            except DataError:
                return None
            return moment if self._zone is None else moment.replace(tzinfo=self._zone)

    return Moment


def _json(text: str | bytes) -> Any:
    import orjson

    data = text.encode() if isinstance(text, str) else bytes(text)
    if not _LONG_NUMBER.search(data):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            # It goes less deep than the standard library.
            pass
    try:
        return json.loads(data.decode("utf-8", "backslashreplace"))
    except (RecursionError, ValueError):
        return data.decode("utf-8", "backslashreplace")
