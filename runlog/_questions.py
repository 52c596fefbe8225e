"""Questions to the database, asked on the caller's thread, which waits for the answer.

Lives here: the way of a question, and those about a script's past: its cursor, its last success, a
run's number. Whether another run is alive is asked in ``_lease``. Unlike everything else on the
writing side these raise ``runlog.errors``: nothing true could be answered instead.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from . import _dsn, _jitter, _process, _sql
from ._fork import preload
from ._settings import resolve
from ._sqlstate import Fault, fault_of, find_remedy, sqlstate
from .errors import DatabaseUnavailableError, RunlogError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ._connection import WriteConnection
    from ._recorder import Recorder
    from ._rows import LastSuccess
    from ._settings import Settings

_Answer = TypeVar("_Answer")
_MISSING = frozenset({"42P01", "3F000", "42703", "42501"})


class Cursor(NamedTuple):
    """Where the next incremental sync of a script begins, and who said so.

    Attributes:
        run_id: the run whose row says it.
        moment: everything before it is synced; None: nothing is (set by hand).
        said_at: when it was said.
        source: ``success``, ``checkpoint`` or ``set`` (by hand).
    """

    run_id: UUID
    moment: datetime | None
    said_at: datetime
    source: str


def to_be_asked(recorder: Recorder | None, what: str) -> Recorder | None:
    """Return the recorder whose database is asked; None when runlog is switched off.

    Raises:
        DatabaseUnavailableError: runlog is on and no database is named.
    """
    if recorder is not None:
        return recorder if recorder.has_database else None
    if not resolve().enabled:
        return None
    raise DatabaseUnavailableError(
        f"{what} cannot be asked: no database is named; set RUNLOG_DSN or DATABASE_URL"
    )


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

    until = time.monotonic() + settings.connect_timeout
    pause = settings.retry_interval
    while True:
        try:
            return _ask_once(settings, question)
        except psycopg.Error as error:
            is_over = time.monotonic() + pause >= until
            if fault_of(error) is not Fault.OUTAGE or is_over:
                # What libpq cannot read as an address it quotes, and the password with it.
                is_quoted = isinstance(error, psycopg.ProgrammingError) and not sqlstate(error)
                raise _explained(error, settings, what) from None if is_quoted else error
        time.sleep(pause * _jitter.between(0.5, 1.0))
        pause *= 2


def _ask_once(settings: Settings, question: Callable[[WriteConnection], _Answer]) -> _Answer:
    import psycopg

    from ._question_pool import pool_for

    with pool_for(settings).connection() as connection:
        connection.deadline = time.monotonic() + settings.statement_timeout
        try:
            return question(connection)
        except psycopg.Error:
            # Without a word: a server that does not answer would not answer a goodbye either.
            connection.close()
            raise


def _explained(error: Exception, settings: Settings, what: str) -> RunlogError:
    dsn = settings.dsn or ""
    said = _dsn.without_password(str(error).strip() or repr(error), dsn, os.environ)
    text = f"{what} cannot be asked of {_dsn.shown(dsn, os.environ)}: {said.splitlines()[0]}"
    advice = find_remedy(error) or "check the address, try again"
    kind = SchemaError if sqlstate(error) in _MISSING else DatabaseUnavailableError
    return kind(f"{text}; {advice}")


def rows(
    connection: WriteConnection, name: str, schema: str, row_type: type[Any], **parameters: Any
) -> list[Any]:
    """Return the rows of ``sql/<name>.sql`` as ``row_type``."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(row_type)) as cursor:
        return cursor.execute(_sql.statement(name, schema), parameters).fetchall()


def find_value(connection: WriteConnection, name: str, schema: str, **parameters: Any) -> Any:
    """Return the first column of the first row of ``sql/<name>.sql``, None if there is no row."""
    row = connection.execute(_sql.statement(name, schema), parameters).fetchone()
    return None if row is None else row[0]


def find_cursor(connection: Any, schema: str, script_name: str) -> Cursor | None:
    """Return the cursor of a script; None when nothing has been synced yet."""
    found: list[Cursor] = rows(
        connection, "questions/cursor", schema, Cursor, script_name=script_name
    )
    return found[0] if found else None


def cursor_of(recorder: Recorder, script_name: str, joined_run: str | None) -> datetime | None:
    """Return the moment up to which a script is synced.

    What waits on this machine is delivered first: a success that the database has not heard of
    yet counts. What cannot be delivered makes the cursor older, never newer.

    Args:
        recorder: whose database.
        script_name: the script.
        joined_run: a run that this process joined: then it is that run's script, whatever its name.
    """
    settings = recorder.settings

    def question(connection: WriteConnection) -> datetime | None:
        # Within the question: when the database is away that is known by now, and at once.
        recorder.catch_up()
        connection.deadline = time.monotonic() + settings.statement_timeout
        name = script_name
        if joined_run is not None:
            found = find_value(
                connection, "questions/script_of_run", settings.schema, id=joined_run
            )
            name = found or script_name
        cursor = find_cursor(connection, settings.schema, name)
        return cursor.moment if cursor is not None else None

    moment = ask(settings, f"the cursor of {script_name!r}", question)
    return None if moment is None else moment.astimezone(UTC)


def legacy_id_of(recorder: Recorder, run_id: str) -> int | None:
    """Return the number that the database gave the run; None when its row is not there yet."""
    settings = recorder.settings

    def question(connection: WriteConnection) -> Any:
        recorder.catch_up()
        connection.deadline = time.monotonic() + settings.statement_timeout
        return find_value(connection, "questions/legacy_id", settings.schema, id=run_id)

    number: int | None = ask(settings, "the number of a run", question)
    return number


def last_success(script_name: str) -> LastSuccess | None:
    """Return the last success of ``script_name`` that moved its cursor; None if there is none.

    Backfills (``sync_mode="full"`` with dates of one's own) and cursors set by hand are left out.
    Waits for the database; what this process has not delivered yet is delivered first.

    Returns:
        An object with ``script_name, finished_at, sync_end_date, id, started_at, sync_mode``.

    Raises:
        DatabaseUnavailableError: the database does not answer, or none is named.
        SchemaError: the tables are missing.
    """
    from ._rows import LastSuccess

    what = f"the last success of {script_name!r}"
    recorder = to_be_asked(_process.active(), what)
    if recorder is None:
        return None
    settings = recorder.settings

    def question(connection: WriteConnection) -> list[LastSuccess]:
        recorder.catch_up()
        connection.deadline = time.monotonic() + settings.statement_timeout
        name = "questions/last_success"
        return rows(connection, name, settings.schema, LastSuccess, script_name=script_name)

    return next(iter(ask(settings, what, question)), None)
