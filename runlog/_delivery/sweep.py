"""Closing runs whose process is gone, on whichever host, and closing one by hand.

By the heartbeats in the database, so also where no spool tells (``_spool.orphan``): the host is
gone, or another one looks. Runs on the thread of whoever holds the connection; waits for the
database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from runlog._database import driver, statements
from runlog._database.faults import NO_RIGHT, Fault, fault_of, sqlstate
from runlog._process import origin
from runlog._process.notices import notices
from runlog._spool.owner import owner_lives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from runlog._database.driver import Connection


class ReapedRun(NamedTuple):
    """A run that was closed because its process went silent."""

    id: UUID
    script_name: str
    started_at: datetime | None
    last_alive: datetime


def reap(
    connection: Connection[Any],
    schema: str,
    own: Iterable[str] = (),
    *,
    strict: bool = False,
    before_each: Callable[[], object] = lambda: None,
    spools: Path | None = None,
) -> list[ReapedRun]:
    """Close every run that has missed three heartbeats; return what was closed.

    But not where the process is known to live: on this machine, with its spool's lock held. With a
    writer's rights; two at the same time share the work. Runs without any heartbeat are another
    program's and are left alone. Should a process have been frozen only, its next heartbeat opens
    its run again. Runs that PostgreSQL does not let end (a constraint, a trigger) are told on
    stderr and stay; finding them takes more statements.

    Args:
        connection: to the database; autocommit.
        schema: where the tables are.
        own: ids of runs that are not asked about: the caller knows that they live.
        strict: raise when this role may not do it, instead of doing nothing.
        before_each: called before each further statement, such as to give it time of its own.
        spools: the folder of all spools of this machine.

    Raises:
        psycopg.Error: what PostgreSQL says.
    """
    reaping = _Reaping(connection, schema, list(own), before_each, spools)
    try:
        return reaping.close_silent()
    except driver.ProgrammingError as error:
        if strict or sqlstate(error) != NO_RIGHT:
            raise
        return []


class _Reaping:
    """One look at all silent runs; what is refused is narrowed down to the runs that are."""

    def __init__(
        self,
        connection: Connection[Any],
        schema: str,
        own: list[str],
        before_each: Callable[[], object],
        spools: Path | None,
    ) -> None:
        self._spools = spools
        self._connection = connection
        self._schema = schema
        self._own = own
        self._before_each = before_each

    def close_silent(self) -> list[ReapedRun]:
        """Close them, and say in their messages what each logged last."""
        try:
            closed = self._close(self._list("list_silent_runs"))
        except driver.Error as error:
            if fault_of(error) is not Fault.ROW:
                raise
            self._before_each()
            closed = self._close_among(self._list("list_silent_candidates"))
        if closed:
            self._tell_last_entries([run.id for run in closed])
        return closed

    def _list(self, name: str) -> list[UUID]:
        """Return the runs that this statement lists, but for those whose process lives here."""
        listed = self._connection.execute(self._sql(name), {"own": self._own}, prepare=False)
        return [
            run_id
            for run_id, host, spool in listed.fetchall()
            if not owner_lives(self._spools, host, spool)
        ]

    def _close(self, ids: list[UUID]) -> list[ReapedRun]:
        from runlog._database.loading import load_safely

        if not ids:
            return []
        self._before_each()
        with self._connection.cursor(row_factory=driver.class_row(ReapedRun)) as cursor:
            load_safely(cursor)
            return cursor.execute(self._sql("reap_runs"), {"among": ids}, prepare=False).fetchall()

    def _close_among(self, ids: list[UUID]) -> list[ReapedRun]:
        try:
            return self._close(ids)
        except driver.Error as error:
            if fault_of(error) is not Fault.ROW:
                raise
            if len(ids) == 1:
                tell_left(str(ids[0]), error)
                return []
        middle = len(ids) // 2
        return self._close_among(ids[:middle]) + self._close_among(ids[middle:])

    def _tell_last_entries(self, ids: list[UUID]) -> None:
        """Say in the error messages what each run logged last, if this role may read entries."""
        self._before_each()
        try:
            with self._connection.transaction():
                self._connection.execute(self._sql("tell_last_entry"), {"ids": ids}, prepare=False)
        except driver.Error as error:
            if sqlstate(error) == NO_RIGHT:
                # A writer's role need not be able to read; the runs are closed all the same.
                return
            if fault_of(error) is not Fault.ROW:
                raise
            # A table that takes no longer message: that run is closed without it.
            middle = len(ids) // 2
            for part in (ids[:middle], ids[middle:]) if middle else ():
                self._tell_last_entries(part)

    def _sql(self, name: str) -> bytes:
        return statements.statement(f"sweep/{name}", self._schema)


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
    statement = statements.statement("sweep/close_run", schema)
    return connection.execute(statement, values, prepare=False).fetchone() is not None


def closer() -> str:
    """Return who is at work here, as ``user@host``."""
    try:
        import getpass

        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A user id without a name, as containers have them.
        user = "unknown"
    return f"{user}@{origin.host()}"


_SHOWN_MAX = 60


def tell_left(run_id: str, refusal: BaseException) -> None:
    """Say on stderr, once for each run, why it stays open."""
    reason = _reason(run_id, refusal)
    told = f"run {run_id[:_SHOWN_MAX]!r} of a process that is gone cannot be closed: {reason}"
    notices.change(f"closing of {run_id}", "refused", f"{told}; it is left as it is")


def _reason(run_id: str, refusal: BaseException) -> str:
    try:
        UUID(run_id)
    except ValueError:
        return "that is no UUID, so its spool file was damaged"
    # The lines after the first show the row.
    told = (str(refusal).strip() or repr(refusal)).splitlines()[0]
    return f'{told}; mend what refuses it and run "runlog reap"'
