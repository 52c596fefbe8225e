"""From what PostgreSQL sends to Python's values, so that no odd row costs the rows beside it.

Asked for in binary: text would depend on what role, database and shell say of DateStyle and such.

psycopg refuses a whole answer for one moment that no ``datetime`` holds: ``infinity``, a year
before Christ or after 9999. Other programs write such; here it is None, and so is a number that is
none (``NaN``, infinity), which nobody can add or compare. A moment is told in UTC,
for Python knows not every zone that a session may have, and psycopg logs a warning then; one of a
column without a time zone is one of the session's, as it is for PostgreSQL itself. JSON goes
through orjson, which takes half the time, where it agrees with the standard library: it makes a
float of an integer that is longer than 64 bits.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta, timezone, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection, DataError
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.json import set_json_loads

if TYPE_CHECKING:
    from psycopg import Cursor
    from psycopg.abc import Buffer
    from psycopg.adapt import AdaptersMap

_LONG_NUMBER: Final = re.compile(rb"[0-9]{20}")
_POSIX_ZONE: Final = re.compile(
    r"(?:<[^<>]*>|[A-Za-z]{0,40})([+-]?)(\d{1,3})(?::(\d{1,2}))?(?::(\d{1,2}))?"
)
_MOMENTS: Final = ("timestamptz", "timestamp", "date")
_UNKNOWN_TYPE: Final = 0


def load_safely(cursor: Cursor[Any]) -> None:
    """Have ``cursor`` read every row, whatever other programs wrote, in whatever session."""
    cursor.format = Format.BINARY
    load_moments(cursor.adapters)
    _load_numbers(cursor.adapters)
    # An enum, a citext: what psycopg does not know is text to runlog.
    cursor.adapters.register_loader(_UNKNOWN_TYPE, _Text)
    set_json_loads(_json, cursor)


def load_moments(adapters: AdaptersMap) -> None:
    """Have ``adapters`` read every moment that is sent in binary."""
    for name in _MOMENTS:
        oid = adapters.types[name].oid
        usual = adapters.get_loader(oid, Format.BINARY)
        assert usual is not None  # noqa: S101 - psycopg's own
        if not issubclass(usual, _Moment):
            adapters.register_loader(oid, _loader(name, usual))


def _load_numbers(adapters: AdaptersMap) -> None:
    oid = adapters.types["numeric"].oid
    usual = adapters.get_loader(oid, Format.BINARY)
    assert usual is not None  # noqa: S101 - psycopg's own
    if not issubclass(usual, _Number):
        adapters.register_loader(oid, _number_loader(usual))


class _Number(Loader):
    format = Format.BINARY
    usual: type[Any]

    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        self._load = self.usual(oid, context).load

    def load(self, data: Buffer) -> Any:
        number = self._load(data)
        return number if number.is_finite() else None


@cache
def _number_loader(usual: type[Any]) -> type[Loader]:
    return type("Number", (_Number,), {"usual": usual})


class _Text(Loader):
    """Text in UTF-8, and visibly what is none."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "backslashreplace")


class _Moment(Loader):
    format = Format.BINARY
    usual: type[Any]
    is_naive: bool

    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        # Without the context: psycopg would look for the session's zone.
        self._load = self.usual(oid).load
        self._zone = _zone_of(self.connection) if self.is_naive else None

    def load(self, data: Buffer) -> Any:
        try:
            moment = self._load(data)
        except DataError:
            return None
        return moment if self._zone is None else moment.replace(tzinfo=self._zone)


@cache
def _loader(name: str, usual: type[Any]) -> type[Loader]:
    return type("Moment", (_Moment,), {"usual": usual, "is_naive": name == "timestamp"})


def _zone_of(connection: Any) -> tzinfo | None:
    """Return the zone of the session, also one that is told by its distance from UTC."""
    if not isinstance(connection, Connection):
        return None
    told = connection.info.parameter_status("TimeZone") or "UTC"
    try:
        return ZoneInfo(told)
    except (KeyError, OSError, ValueError):
        # As POSIX has it: hours west of Greenwich.
        found = _POSIX_ZONE.fullmatch(told)
    hours, minutes, seconds = (
        (int(part or 0) for part in found.groups()[1:]) if found else (0, 0, 0)
    )
    west = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(west if found and found[1] == "-" else -west)


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
