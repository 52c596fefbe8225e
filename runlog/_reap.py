"""Closing runs whose process is gone, on whichever host, and closing one by hand.

By the heartbeats in the database, so also where no spool tells (``_postmortem``): the host is gone,
or another one looks. Runs on the thread of whoever holds the connection; waits for the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import _detect, _sql
from ._sqlstate import sqlstate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection

_NO_RIGHT = "42501"


class ReapedRun(NamedTuple):
    """A run that was closed because its process went silent."""

    id: UUID
    script_name: str
    started_at: datetime | None
    last_alive: datetime


def reap(
    connection: Connection[Any], schema: str, own: Iterable[str] = (), *, strict: bool = False
) -> list[ReapedRun]:
    """Close every run that has missed three heartbeats; return what was closed.

    One statement, with a writer's rights; two at the same time share the work. Runs without any
    heartbeat are another program's and are left alone. Should a process have been frozen only, its
    next heartbeat opens its run again.

    Args:
        connection: to the database; autocommit.
        schema: where the tables are.
        own: ids of runs that are not asked about: the caller knows that they live.
        strict: raise when this role may not do it, instead of doing nothing.

    Raises:
        psycopg.Error: what PostgreSQL says.
    """
    import psycopg
    from psycopg.rows import class_row

    statement = _sql.statement("write/reap_runs", schema)
    try:
        with connection.cursor(row_factory=class_row(ReapedRun)) as cursor:
            closed = cursor.execute(statement, {"own": list(own)}, prepare=False).fetchall()
        if closed:
            _tell_last_entries(connection, schema, [run.id for run in closed])
    except psycopg.ProgrammingError as error:
        if strict or sqlstate(error) != _NO_RIGHT:
            raise
        return []
    return closed


def _tell_last_entries(connection: Connection[Any], schema: str, ids: list[UUID]) -> None:
    """Say in the error messages what each run logged last, if this role may read entries."""
    import psycopg

    statement = _sql.statement("write/tell_last_entry", schema)
    try:
        with connection.transaction():
            connection.execute(statement, {"ids": ids}, prepare=False)
    except psycopg.errors.InsufficientPrivilege:
        # A writer's role need not be able to read; the runs are closed all the same.
        return


def close_run(
    connection: Connection[Any],
    schema: str,
    run_id: UUID,
    *,
    status: str,
    error_message: str | None,
    is_forced: bool,
) -> bool:
    """Close one run for good; False if it is not running, or alive and not ``is_forced``."""
    values = {
        "id": run_id,
        "status": status,
        "error_message": error_message,
        "closed_by": closer(),
        "is_forced": is_forced,
    }
    statement = _sql.statement("write/close_run", schema)
    return connection.execute(statement, values, prepare=False).fetchone() is not None


def closer() -> str:
    """Return who is at work here, as ``user@host``."""
    try:
        import getpass

        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A user id without a name, as containers have them.
        user = "unknown"
    return f"{user}@{_detect.host()}"
