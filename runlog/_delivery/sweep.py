"""Closing runs whose process is gone, on whichever host, and closing one by hand.

By the heartbeats in the database, so also where no spool tells (``_spool.orphan``): the host is
gone, or another one looks. Runs on the thread of whoever holds the connection; waits for the
database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import driver, statements
from runlog._database.faults import NO_RIGHT, is_in_the_way, is_of_a_row, sqlstate
from runlog._process import origin
from runlog._process.fork import without_fork
from runlog._process.notices import notices
from runlog._spool.owner import owner_lives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

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
    writer's rights; two at the same time share the work, and no lock is held between looking and
    closing: a run that was heard of meanwhile stays. Runs without any heartbeat are another
    program's and are left alone. Should a process have been frozen only, its next heartbeat opens
    its run again. Runs that PostgreSQL does not let end (a constraint, a trigger) are told on
    stderr and stay.

    Args:
        connection: to the database; autocommit.
        schema: where the tables are.
        own: ids of runs that are not asked about: the caller knows that they live.
        strict: a person asks: raise when this role may not do it, instead of doing nothing, and
            tell also of the runs that somebody else has locked.
        before_each: called before each further statement, such as to give it time of its own.
        spools: the folder of all spools of this machine.

    Raises:
        psycopg.Error: what PostgreSQL says.
    """
    reaping = _Reaping(connection, schema, before_each, is_asked=strict)
    try:
        return [
            run.as_reaped()
            for run in reaping.list_silent(list(own))
            if not owner_lives(spools, run.host, run.spool) and reaping.close(run)
        ]
    except driver.ProgrammingError as error:
        if strict or sqlstate(error) != NO_RIGHT:
            raise
        return []


class _SilentRun(NamedTuple):
    """A run as it was seen; ``seen`` is its heartbeat as the row tells it."""

    id: UUID
    script_name: str
    started_at: datetime | None
    last_alive: datetime
    seen: str
    message: str
    host: str | None
    spool: str | None

    def as_reaped(self) -> ReapedRun:
        return ReapedRun(self.id, self.script_name, self.started_at, self.last_alive)


class _Reaping:
    """One look at all silent runs; each is closed for itself, or refused for itself."""

    def __init__(
        self,
        connection: Connection[Any],
        schema: str,
        before_each: Callable[[], object],
        *,
        is_asked: bool,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._before_each = before_each
        self._is_asked = is_asked
        self._may_read_entries = True

    def list_silent(self, own: list[str]) -> list[_SilentRun]:
        """Return the runs that have missed three heartbeats."""
        return self._rows("list_silent_runs", driver.class_row(_SilentRun), own=own)

    def close(self, run: _SilentRun) -> bool:
        """Close ``run``, and say in its message what it logged last; False when it stays."""
        said = self._find_last_entry(run)
        # A table that takes no longer message: the run is closed without it.
        messages = [f"{run.message}, {said}", run.message] if said else [run.message]
        for message in messages:
            self._before_each()
            values = {"id": run.id, "seen": run.seen, "message": message}
            sql = self._sql("close_silent_run")
            try:
                return self._connection.execute(sql, values, prepare=False).fetchone() is not None
            except driver.Error as error:
                if is_in_the_way(error):
                    # Somebody else has that row; the next look tries again.
                    if self._is_asked:
                        tell_left(str(run.id), error)
                    return False
                if not is_of_a_row(error):
                    raise
                refusal = error
        tell_left(str(run.id), refusal)
        return False

    def _find_last_entry(self, run: _SilentRun) -> str | None:
        """Return what the run logged last, if this role may read entries."""
        if not self._may_read_entries:
            return None
        self._before_each()
        try:
            found = self._rows("find_last_entry", driver.tuple_row, id=run.id)
        except driver.Error as error:
            if sqlstate(error) != NO_RIGHT:
                raise
            # A writer's role need not be able to read; the runs are closed all the same.
            self._may_read_entries = False
            return None
        return found[0][0] if found else None

    def _rows(self, name: str, row_factory: Any, **values: Any) -> list[Any]:
        from runlog._database.loading import load_safely

        with self._connection.cursor(row_factory=row_factory) as cursor:
            load_safely(cursor)
            return cursor.execute(self._sql(name), values, prepare=False).fetchall()

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
    looking = statements.statement("sweep/find_running", schema)
    found = connection.execute(looking, {"id": run_id}, prepare=False).fetchone()
    if found is None:
        return False
    seen, is_alive, ended_at = found
    if is_alive and not is_forced:
        return False
    values = {
        "id": run_id,
        "status": status,
        "error_message": error_message,
        "seen": seen,
        "ended_at": ended_at,
        "closed_by": closer(),
        "is_forced": is_forced,
    }
    closing = statements.statement("sweep/close_run", schema)
    return connection.execute(closing, values, prepare=False).fetchone() is not None


def closer() -> str:
    """Return who is at work here, as ``user@host``."""
    try:
        with without_fork():
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
    from uuid import UUID

    try:
        UUID(run_id)
    except ValueError:
        return "that is no UUID, so its spool file was damaged"
    # The lines after the first show the row.
    told = (str(refusal).strip() or repr(refusal)).splitlines()[0]
    return f'{told}; mend what refuses it and run "runlog reap"'
