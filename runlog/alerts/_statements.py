"""The statements of ``sql/alerts``: their shared parts filled in, sent, and read as rows.

Rules: every name carries its schema, nothing depends on a setting of the session (results come in
binary form, moments inside JSON are ISO 8601), no statement is prepared. Transaction poolers may be
in between.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from runlog._database import driver, statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runlog._database.driver import Connection

_Row = TypeVar("_Row")
_PARTS = ("of_script", "rule", "source", "verdicts", "words")


@lru_cache(maxsize=512)
def statement(name: str, schema: str) -> bytes:
    """Return ``sql/alerts/<name>.sql`` for the tables in ``schema``."""
    parts = {part: statements.text(f"alerts/parts/{part}").decode().strip() for part in _PARTS}
    return statements.fill(
        statements.whole(statements.fill(statements.text(f"alerts/{name}"), **parts)),
        schema=statements.identifier(schema, setting="schema"),
        schema_literal=statements.literal(schema),
    )


def fetch(
    connection: Connection[Any], schema: str, name: str, row_type: type[_Row], **parameters: Any
) -> list[_Row]:
    """Return the rows of a statement; its columns are the fields of ``row_type``."""
    from runlog._database.loading import load_safely

    with connection.cursor(binary=True, row_factory=driver.class_row(row_type)) as cursor:
        # Whoever gave the connection: an odd row of another program must not end a look.
        load_safely(cursor)
        return cursor.execute(statement(name, schema), parameters or None, prepare=False).fetchall()


def values(connection: Connection[Any], schema: str, name: str, **parameters: Any) -> list[Any]:
    """Return the first column of a statement's rows."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statement(name, schema), parameters or None, prepare=False)
        return [row[0] for row in cursor.fetchall()]


def execute(connection: Connection[Any], schema: str, name: str, **parameters: Any) -> None:
    """Send a statement that returns nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement(name, schema), parameters or None, prepare=False)


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as one parameter, for ``jsonb_to_recordset``."""
    return json.dumps(list(rows), default=plain)


def plain(value: Any) -> Any:
    """Return what JSON has for a moment, an id or a number of PostgreSQL."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(type(value))
