"""Questions to the database, asked on the caller's thread, which waits for the answer.

Lives here: the way of a question, and those about a script's past: its cursor, its last success, a
run's number. Whether another run is alive is asked in ``overlap``. Unlike everything else on the
writing side these raise ``runlog.errors``: nothing true could be answered instead.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import statements
from runlog._database.asking import ask, find_value, rows
from runlog._database.dsn import is_address, no_database, not_understood
from runlog._delivery.sweep import closer
from runlog._entry.ids import new_id
from runlog._process import clock
from runlog._process.notices import notices
from runlog._recorder import registry
from runlog.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from uuid import UUID

    from runlog._database.connection import WriteConnection
    from runlog._database.driver import Connection
    from runlog._recorder.recorder import Recorder
    from runlog._recorder.run_state import RunState
    from runlog._settings import Settings
    from runlog.queries._rows import LastSuccess

_CLOCKS_DIFFER = timedelta(minutes=5)


class Cursor(NamedTuple):
    """Where the next incremental sync of a script begins, and who said so.

    Attributes:
        run_id: the run whose row says it.
        moment: everything before it is synced; None: nothing is (set by hand).
        said_at: when it was said.
        source: ``success``, ``checkpoint`` or ``set`` (by hand).
        batch_id: the batch of that run.
        script_name: its script.
    """

    run_id: UUID
    moment: datetime | None
    said_at: datetime
    source: str
    batch_id: UUID | None = None
    script_name: str = ""


def to_be_asked(recorder: Recorder | None, what: str) -> Settings | None:
    """Return the settings of the database that is asked; None where there is none to ask (tests).

    Also where runlog is switched off: to record nothing is no reason to begin from the beginning.

    Raises:
        DatabaseUnavailableError: no database is named.
    """
    if recorder is not None:
        return recorder.settings if recorder.has_database else None
    settings = registry.configured()
    if settings.dsn is None or not is_address(settings.dsn):
        why = no_database() if settings.dsn is None else not_understood(settings.dsn)
        raise DatabaseUnavailableError(f"{what} cannot be asked: {why}")
    return settings


def _catch_up(recorder: Recorder | None, connection: WriteConnection, settings: Settings) -> None:
    """Deliver what waits on this machine, so that the answer knows of it."""
    # Within the question: when the database is away that is known by now, and at once.
    if recorder is not None:
        recorder.catch_up()
    connection.deadline = clock.monotonic() + settings.statement_timeout


def find_cursor(connection: Any, schema: str, name: str, *, is_named: bool = True) -> Cursor | None:
    """Return the cursor of a script, or one of a name of its own; None: nothing is synced yet."""
    found: list[Cursor] = rows(
        connection, "cursor/find_cursor", schema, Cursor, cursor=name, is_named=is_named
    )
    return found[0] if found else None


def cursor_of(
    recorder: Recorder | None, state: RunState, named: str | None, *, is_joined: bool
) -> datetime | None:
    """Return the moment up to which is synced what ``state`` syncs.

    What waits on this machine is delivered first: a success that the database has not heard of
    yet counts. What cannot be delivered makes the cursor older, never newer.

    Args:
        recorder: whose database.
        state: the run that asks.
        named: the cursor's name; None: the script's.
        is_joined: the run is another process's: then it is that run's script, whatever its name.
    """
    name = named or state.script_name
    what = f"the cursor of {name!r}"
    settings = to_be_asked(recorder, what)
    if settings is None:
        return None

    def question(connection: WriteConnection) -> Cursor | None:
        _catch_up(recorder, connection, settings)
        wanted = name
        if is_joined and named is None:
            joined = state.id_text
            wanted = find_value(connection, "cursor/script_of_run", settings.schema, id=joined)
        is_named = named is not None
        return find_cursor(connection, settings.schema, wanted or name, is_named=is_named)

    cursor = ask(settings, what, question)
    if cursor is None or cursor.moment is None:
        return None
    _tell_oddities(cursor, state, name)
    return cursor.moment.astimezone(UTC)


def _tell_oddities(cursor: Cursor, state: RunState, name: str) -> None:
    """Say what is most likely not meant."""
    assert cursor.moment is not None  # noqa: S101 - see above
    if cursor.moment > datetime.now(UTC) + _CLOCKS_DIFFER:
        told = (
            f"the cursor of {name!r} is in the future ({cursor.moment.isoformat()}, said by run "
            f"{cursor.run_id}); set it: runlog cursor set {name} 1d"
        )
        notices.change("cursor ahead", name, told)
    is_of_batch = str(cursor.batch_id) == state.get("batch_id")
    is_sibling = str(cursor.run_id) not in {state.id_text, state.get("batch_id")}
    if is_of_batch and is_sibling and cursor.source == "success":
        told = (
            f"the cursor of {name!r} was moved by run {cursor.run_id} of this very batch, so this "
            "run syncs only what changed since; if they sync different things give each a cursor "
            'of its own: RunContext(…, cursor="deals")'
        )
        notices.change("cursor in batch", name, told)


def legacy_id_of(recorder: Recorder, run_id: str) -> int | None:
    """Return the number that the database gave the run; None when its row is not there yet."""
    settings = recorder.settings

    def question(connection: WriteConnection) -> Any:
        _catch_up(recorder, connection, settings)
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
    recorder = registry.active()
    settings = to_be_asked(recorder, what)
    if settings is None:
        return None

    def question(connection: WriteConnection) -> list[LastSuccess]:
        _catch_up(recorder, connection, settings)
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


def undo_cursor(connection: Connection[Any], schema: str, script: str) -> bool:
    """Take back the last cursor that a person set for ``script``; False: nobody has set one."""
    statement = statements.statement("cursor/undo_cursor", schema)
    return bool(connection.execute(statement, {"script_name": script}, prepare=False).rowcount)
