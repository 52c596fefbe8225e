"""Rows as scripts would have written them, for tests that read.

`add_run` and `add_entry` put one row each into a database; everything has a default.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    import psycopg

_counter = itertools.count(1)


def now() -> datetime:
    """The moment to the millisecond, so that what is compared survives any rounding."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def ago(**span: float) -> datetime:
    """The moment so long ago, such as ``ago(hours=2)``."""
    return now() - timedelta(**span)


def add_run(connection: psycopg.Connection, script: str = "sync", **columns: Any) -> UUID:
    """Insert a successful run that began a minute ago, but for ``columns``; return its id.

    ``runlog`` becomes ``metadata.runlog``.
    """
    run_id = columns.setdefault("id", uuid4())
    columns.setdefault("started_at", ago(minutes=1))
    columns.setdefault("status", "success")
    if columns["status"] != "running":
        if "finished_at" not in columns:
            columns["finished_at"] = columns["started_at"] + timedelta(seconds=10)
        columns.setdefault("duration_ms", 10_000)
    metadata = {**columns.pop("metadata", {}), "runlog": columns.pop("runlog", {})}
    columns |= {"script_name": script, "metadata": Jsonb(metadata)}
    _insert(connection, "runs", columns)
    return run_id


def add_entry(
    connection: psycopg.Connection, run_id: UUID, message: str = "hello", **columns: Any
) -> UUID:
    """Insert an entry of level INFO and step FETCH, but for ``columns``; return its id."""
    # Ids rise with the order of the calls, as they do in a process.
    entry_id = columns.setdefault("id", UUID(int=next(_counter)))
    columns.setdefault("timestamp", now())
    columns.setdefault("level", "INFO")
    columns.setdefault("step", "FETCH")
    columns["meta"] = Jsonb(columns.get("meta", {}))
    _insert(connection, "logs", {**columns, "run_id": run_id, "message": message})
    return entry_id


def _insert(connection: psycopg.Connection, table: str, columns: dict[str, Any]) -> None:
    names = ", ".join(columns)
    places = ", ".join(f"%({name})s" for name in columns)
    connection.execute(f"insert into {table} ({names}) values ({places})", columns)


STATES: dict[str, dict[str, Any]] = {
    "running": {"status": "running", "runlog": {"heartbeat_at": "now"}},
    "lost": {"status": "running", "runlog": {"heartbeat_at": "91 s ago"}},
    "success": {"records_failed": 0},
    "partial": {"records_failed": 2},
    "error": {"status": "error", "runlog": {"outcome": "failed"}},
    "crashed": {"status": "error", "runlog": {"outcome": "died"}},
}
"""How a run of each state is written."""


def add_all_states(connection: psycopg.Connection) -> dict[str, UUID]:
    """Add a run of each state, its script named after it, newest first; return their ids."""
    made = {}
    for number, (name, columns) in enumerate(STATES.items()):
        made[name] = add_run(connection, name, **columns, started_at=ago(minutes=number))
    # By the database's clock, as heartbeats are.
    connection.execute(
        "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}', to_jsonb("
        " now() - case when script_name = 'lost' then interval '91 s' else interval '0' end))"
        " where status = 'running'"
    )
    return made
