"""Questions to the database, asked on the caller's thread, which waits for the answer.

Lives here: the way of a question, and those about a script's past: its cursor, its last success, a
run's number. Whether another run is alive is asked in ``overlap``. Unlike everything else on the
writing side these raise ``runlog.errors``: nothing true could be answered instead.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import statements
from runlog._database.asking import ask, find_value, rows
from runlog._delivery.sweep import closer
from runlog._entry.ids import new_id
from runlog._recorder import registry
from runlog._settings import resolve
from runlog.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import Connection

    from runlog._database.connection import WriteConnection
    from runlog._recorder.recorder import Recorder
    from runlog.queries._rows import LastSuccess


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


def find_cursor(connection: Any, schema: str, script_name: str) -> Cursor | None:
    """Return the cursor of a script; None when nothing has been synced yet."""
    found: list[Cursor] = rows(
        connection, "cursor/find_cursor", schema, Cursor, script_name=script_name
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
            found = find_value(connection, "cursor/script_of_run", settings.schema, id=joined_run)
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
        return find_value(connection, "cursor/legacy_id", settings.schema, id=run_id)

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
    from runlog.queries._rows import LastSuccess

    what = f"the last success of {script_name!r}"
    recorder = to_be_asked(registry.active(), what)
    if recorder is None:
        return None
    settings = recorder.settings

    def question(connection: WriteConnection) -> list[LastSuccess]:
        recorder.catch_up()
        connection.deadline = time.monotonic() + settings.statement_timeout
        name = "queries/find_last_success"
        return rows(connection, name, settings.schema, LastSuccess, script=script_name)

    return next(iter(ask(settings, what, question)), None)


def set_cursor(
    connection: Connection[Any], schema: str, script: str, wanted: datetime | None
) -> None:
    """Have the next sync of ``script`` begin at ``wanted``; None: from the beginning."""
    values = {
        "id": new_id(),
        "script_name": script,
        "moment": wanted,
        "metadata": json.dumps({"runlog": {"outcome": "cursor", "set_by": closer()}}),
    }
    connection.execute(statements.statement("cursor/set_cursor", schema), values, prepare=False)
