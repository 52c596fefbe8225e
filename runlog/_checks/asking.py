"""The questions of an examination: the statements of ``sql/doctor``, and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._database import driver
from runlog._database.loading import load_safely
from runlog._database.reading import statement_for

if TYPE_CHECKING:
    from runlog._database.driver import Connection


def rows(
    connection: Connection[Any], name: str, schema: str, **parameters: Any
) -> list[tuple[Any, ...]]:
    """Return the rows of ``sql/doctor/<name>.sql`` for the tables in ``schema``."""
    statement = statement_for(connection, f"doctor/{name}", schema)
    with connection.cursor(row_factory=driver.tuple_row) as cursor:
        load_safely(cursor)
        return cursor.execute(statement, parameters or None, prepare=False).fetchall()
