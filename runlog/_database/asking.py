"""Questions to the database, asked on the caller's thread, which waits for the answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from runlog._database import dsn as _dsn
from runlog._database import statements
from runlog._database.driver import preload
from runlog._database.faults import NO_RIGHT, NO_TABLE, Fault, fault_of, find_remedy, sqlstate
from runlog._process import clock, jitter
from runlog.errors import DatabaseUnavailableError, RunlogError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    from runlog._database.connection import WriteConnection
    from runlog._settings import Settings

_Answer = TypeVar("_Answer")

_MISSING = frozenset({NO_TABLE, "3F000", "42703", NO_RIGHT})


def ask(settings: Settings, what: str, question: Callable[[WriteConnection], _Answer]) -> _Answer:
    """Return the answer to ``question``, which may be asked again when an answer is lost.

    Tries for ``connect_timeout`` seconds while the database is away; each statement has
    ``statement_timeout`` seconds.

    Args:
        settings: which database.
        what: names the question in an error.
        question: asks over the connection it gets; asking twice must be harmless.

    Raises:
        DatabaseUnavailableError: there was no answer.
        SchemaError: the tables, or the rights to ask, are missing.
    """
    preload()
    import psycopg

    until = clock.monotonic() + settings.connect_timeout
    pause = settings.retry_interval
    while True:
        try:
            return _ask_once(settings, question)
        except psycopg.Error as error:
            is_over = clock.monotonic() + pause >= until
            if fault_of(error) is not Fault.OUTAGE or is_over:
                raise _explained(error, settings, what) from error
        clock.sleep(pause * jitter.between(0.5, 1.0))
        pause *= 2


def _ask_once(settings: Settings, question: Callable[[WriteConnection], _Answer]) -> _Answer:
    import psycopg

    from runlog._database.pool import pool_for

    with pool_for(settings).connection() as connection:
        connection.deadline = clock.monotonic() + settings.statement_timeout
        try:
            return question(connection)
        except psycopg.Error:
            # Without a word: a server that does not answer would not answer a goodbye either.
            connection.close()
            raise


def _explained(error: Exception, settings: Settings, what: str) -> RunlogError:
    from runlog._database.explain import first_line

    dsn = settings.dsn or ""
    text = f"{what} cannot be asked of {_dsn.shown(dsn, os.environ)}: {first_line(error, dsn)}"
    advice = find_remedy(error) or "check the address, try again"
    kind = SchemaError if sqlstate(error) in _MISSING else DatabaseUnavailableError
    return kind(f"{text}; {advice}")


def rows(
    connection: WriteConnection, name: str, schema: str, row_type: type[Any], **parameters: Any
) -> list[Any]:
    """Return the rows of ``sql/<name>.sql`` as ``row_type``."""
    from psycopg.rows import class_row

    from runlog._database.loading import load_safely

    with connection.cursor(row_factory=class_row(row_type)) as cursor:
        load_safely(cursor)
        return cursor.execute(statements.statement(name, schema), parameters).fetchall()


def database_id(connection: WriteConnection, schema: str) -> str | None:
    """Return the id that "runlog migrate" gave the database; None if it gave none. Asked once."""
    if connection.database_id == "":
        connection.database_id = find_database_id(connection, schema)
    return connection.database_id


def find_database_id(connection: Connection[Any], schema: str) -> str | None:
    """Return the id that "runlog migrate" gave the database; None if it gave none."""
    found: str | None = find_value(connection, "delivery/database_id", schema)
    return found


def find_value(connection: Connection[Any], name: str, schema: str, **parameters: Any) -> Any:
    """Return the first column of the first row of ``sql/<name>.sql``, None if there is no row."""
    row = connection.execute(statements.statement(name, schema), parameters).fetchone()
    return None if row is None else row[0]
