"""Refusals: whose fault it is that PostgreSQL refuses a statement, and what it hides.

Two things that an error's class alone does not tell. A trigger, a policy or a type of the user's
may refuse one row with any SQLSTATE: what is refused again and again, while a row of our own making
goes through, is that row's fault. And a unique index of the user's makes ``on conflict do nothing``
hide refused rows among those that are there already: where there is one, the clause is left out.
Runs under the shipper's lock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runlog._database import driver, statements
from runlog._database.faults import Fault, ends_session, fault_of, is_out_of_time, sqlstate
from runlog._entry.ids import new_id

if TYPE_CHECKING:
    from runlog._database.session import Session


_UNIQUE = "23505"

_TIMEOUT_MIN_ROWS = 10
"""So few take no longer than one: what ran into the server's limit of time waits for a lock."""

_TRIES = 3

_TRIES_IN_CONFLICT = 20
"""With others, who commit first: with pauses of up to half a minute nobody is always the first."""

_CONFLICT = "40"

_OUTAGES = frozenset({"08", "53", "55", "57", "58", "XX"})
"""The server's own: they pass, after a night if need be, and are no row's fault however long."""

_MOST_TRIED = 1000


class NotYetSureError(Exception):
    """Refused, and not often enough yet to be that row's fault; ``__cause__`` is the refusal."""


class Refusals:
    """What one process has learnt of its database's refusals."""

    def __init__(self, session: Session, schema: str) -> None:
        self._session = session
        self._schema = schema
        self._tries: dict[str, int] = {}
        self._of_rows: set[str] = set()
        self._of_ids: dict[str, set[str]] = {}
        self._hiding: set[str] = set()

    def is_of(self, key: str, error: Exception, rows: int = 1) -> bool:
        """Tell whether the ``rows`` that were sent together, named ``key``, are at fault.

        Of several it says so as soon as one of them may be: they are to be sent one by one.

        Raises:
            NotYetSureError: it is this row alone, but it may be for something that passes.
        """
        state = sqlstate(error)
        if fault_of(error) is Fault.ROW:
            return True
        if is_out_of_time(error):
            if ends_session(error):
                # Its end may not have been heard of yet, and what is sent now would be lost.
                self._session.close()
            return rows > _TIMEOUT_MIN_ROWS
        if state is None or ends_session(error) or not self._session.is_connected:
            return False
        if state[:2] in _OUTAGES:
            return False
        is_theirs = self._is_well()
        if is_theirs and rows == 1:
            if not self._is_tried_enough(key, state):
                raise NotYetSureError from error
            if state[:2] != _CONFLICT:
                self._of_rows.add(state)
        return is_theirs

    def _is_tried_enough(self, key: str, state: str) -> bool:
        if state in self._of_rows:
            return True
        tries = self._tries.pop(key, 0) + 1
        self._tries[key] = tries
        if len(self._tries) > _MOST_TRIED:
            del self._tries[next(iter(self._tries))]
        return tries >= (_TRIES_IN_CONFLICT if state[:2] == _CONFLICT else _TRIES)

    def _is_well(self) -> bool:
        """Tell whether a run and an entry of our own making go through; nothing of them stays."""
        run_id, now = new_id(), datetime.now(UTC).isoformat()
        run: dict[str, Any] = {
            "id": run_id,
            "script_name": "runlog",
            "triggered_by": "manual",
            "started_at": now,
            "metadata": '{"runlog": {}}',
            "is_live": True,
        }
        nothing = dict.fromkeys(("batch_id", "sync_mode", "sync_start_date", "sync_end_date"))
        entry = [new_id(), run_id, now, "INFO", "LOG", "is the database well?", "{}"]
        try:
            with self._session.connection().transaction(force_rollback=True):
                self._send("start_run", {**nothing, **run})
                self._send("insert_entries", [[value] for value in entry])
        except driver.Error:
            return False
        return True

    def _send(self, name: str, values: Any) -> None:
        sql = statements.statement(f"delivery/{name}", self._schema)
        self._session.connection().execute(sql, values)

    def may_hide(self, table: str) -> bool:
        """Tell whether a row that was not inserted into ``table`` may be refused by an index."""
        self._look_at_indexes(table)
        return self.are_told(table)

    def _look_at_indexes(self, table: str) -> None:
        sql = statements.statement("delivery/list_unique_indexes", self._schema)
        found = self._session.connection().execute(sql, {"table": table}).fetchall()
        # Those by which only the same row again is refused.
        self._of_ids[table] = {name for name, has_id in found if has_id}
        if all(has_id for _, has_id in found):
            self._hiding.discard(table)
        else:
            self._hiding.add(table)

    def are_told(self, table: str) -> bool:
        """Tell whether ``table`` has such an index, so that every refusal is to be heard of."""
        return table in self._hiding

    def is_there_already(self, table: str, error: Exception) -> bool:
        """Tell whether a single row was refused because it is stored: its id is there."""
        if sqlstate(error) != _UNIQUE:
            return False
        name = getattr(getattr(error, "diag", None), "constraint_name", None) or ""
        if not self._is_of_ids(table, name):
            # Without a user's index "on conflict" keeps quiet, but not where a trigger has put it.
            self._look_at_indexes(table)
        return self._is_of_ids(table, name)

    def _is_of_ids(self, table: str, name: str) -> bool:
        known = self._of_ids.get(table, set())
        # Citus adds the number of the shard.
        return name in known or name.rpartition("_")[0] in known
