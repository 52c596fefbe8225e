"""Can the tables hold what runlog writes? Tried with the very statements, and taken back.

A list of what may be wrong with a table would always lack something: a type, a trigger, a policy, a
publication. Used by ``migrate`` for tables that another program made, and by ``doctor``. It leaves
nothing but a gap of one in the numbers of ``legacy_id``. Runs on the caller's thread.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from runlog._database import statements
from runlog._database.faults import (
    NO_RIGHT,
    NOT_SUPPORTED,
    OTHER_TABLES,
    Fault,
    fault_of,
    find_remedy,
    sqlstate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_TYPE_STATES = frozenset({"22001", "22003", "22P02", "42804", "42883", "42846"})
_NO_IDENTITY = "55000"
_READ_ONLY = "25006"
_NO_OUTAGES = frozenset({_READ_ONLY, NOT_SUPPORTED})
"""They do not pass by themselves. Not supported is ``on conflict`` beside a rule of the user's."""
_ENDED = "error"
_MEND = "mend what refuses it (a type, a check, a trigger, a rule, a policy), then try again"
_CHANGED = "mend what changes it (a trigger, a rule), then try again"


class Refusal(NamedTuple):
    """What cannot be written, and the remedy."""

    said: str
    remedy: str


class Trial(NamedTuple):
    """The ids of a run and its entries."""

    run: str
    entries: list[str]


def try_writing(connection: Connection[Any], schema: str) -> Refusal | None:
    """Return why a run with entries of every level cannot be written; None when it can be.

    Raises:
        psycopg.Error: an outage.
    """
    what, refusal, trial = "", None, Trial(str(uuid.uuid4()), [str(uuid.uuid4()) for _ in LEVELS])
    with connection.transaction(force_rollback=True):
        try:
            with connection.transaction():
                for what, statement, values, is_needed in _attempts(schema, trial):
                    rows = connection.execute(statement, values, prepare=False).rowcount
                    if is_needed and not rows:
                        return Refusal(f"{what} is lost without an error", _MEND)
                # What is checked at the end of a transaction only.
                connection.execute("set constraints all immediate")
        except psycopg.Error as error:
            if fault_of(error) is Fault.OUTAGE and sqlstate(error) not in _NO_OUTAGES:
                raise
            refusal = error
        if refusal is not None:
            return _explained(connection, schema, what, refusal)
        return _changed(connection, schema, trial)


def _changed(connection: Connection[Any], schema: str, trial: Trial) -> Refusal | None:
    """Return what of the trial is not there as it was written, if this role can see it."""
    statement = statements.statement("doctor/written", schema)
    try:
        with connection.transaction():
            found = connection.execute(statement, trial._asdict(), prepare=False).fetchone()
    except psycopg.Error as error:
        if sqlstate(error) == NO_RIGHT:
            return None
        raise
    entries, status = found or (len(LEVELS), _ENDED)
    if entries != len(LEVELS):
        return Refusal("an entry is not there under the id that it was given", _CHANGED)
    if status != _ENDED:
        return Refusal(f"the end of a run is stored as {status!r}, not as {_ENDED!r}", _CHANGED)
    return None


def _attempts(schema: str, trial: Trial) -> Iterator[tuple[str, bytes, Any, bool]]:
    """Yield what is written, the statement, its values, whether it has to find a row."""
    run_id, now = trial.run, datetime.now(UTC).isoformat()
    figures = ("fetched", "inserted", "updated", "failed")
    run = {
        "id": run_id,
        "batch_id": run_id,
        "script_name": "x" * 100,
        "triggered_by": "github-actions",
        "started_at": now,
        "finished_at": now,
        "duration_ms": 1000,
        "status": _ENDED,
        "error_message": "runlog tries",
        "sync_mode": "incremental",
        "sync_start_date": now,
        "sync_end_date": now,
        "calls_analyzed": 1,
        "api_cost": "1.25",
        "metadata": '{"runlog": {"heartbeat_interval": 30}}',
        "is_live": True,
        **{f"records_{figure}": 1 for figure in figures},
    }
    entries = [
        [entry_id, run_id, now, level, "x" * 60, "x" * 100_000, '{"count": 1}']
        for entry_id, level in zip(trial.entries, LEVELS, strict=True)
    ]
    columns = [list(column) for column in zip(*entries, strict=True)]
    for what, name, values, is_needed in (
        ("the start of a run", "start_run", run, False),
        ("an entry", "insert_entries", columns, False),
        ("a run that was started", "update_run", run, True),
        ("a sign of life", "heartbeat", {"ids": [run_id]}, True),
        ("the end of a run", "finish_run", run, True),
    ):
        yield what, statements.statement(f"delivery/{name}", schema), values, is_needed


def _explained(
    connection: Connection[Any], schema: str, what: str, error: psycopg.Error
) -> Refusal:
    told = error.diag.message_primary or str(error).strip()
    found = []
    if sqlstate(error) in _TYPE_STATES or sqlstate(error) == _NO_IDENTITY:
        name = "replica_identity" if sqlstate(error) == _NO_IDENTITY else "narrow_columns"
        statement = statements.statement(f"doctor/{name}", schema)
        found = [str(said) for (said,) in connection.execute(statement, prepare=False)]
    known = find_remedy(error)
    remedy = f'run "{"; ".join(found)}"' if found else known or _MEND
    return Refusal(f"{what} is refused: {told}", _MEND if remedy == OTHER_TABLES else remedy)
