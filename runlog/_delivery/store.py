"""Store: one batch to PostgreSQL, exactly once however often it is sent, and dead letters.

Two lanes (DESIGN.md §3). The sure lane is ``insert … on conflict do nothing``: idempotent, works
under row level security. The bulk lane is ``COPY`` of the spool's bytes as they are; when a block
was there already it says 23505, and the sure lane takes it. Runs under the shipper's lock, on
whichever thread ships. Raises what PostgreSQL raises, except for rows that it refuses: those are
narrowed down to and returned as dead letters.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import dsn, statements
from runlog._database.faults import Fault, fault_of, sqlstate
from runlog._delivery.late_runs import OwnPatience
from runlog._delivery.run_events import apply_event
from runlog._entry.copy_text import count_newlines, decode_lines
from runlog._process.notices import notices
from runlog._spool.dead_letters import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runlog._database.connection import WriteConnection
    from runlog._settings import Settings

BULK_MIN_LINES = 2000
"""From here on COPY is faster than the insert by more than its second round trip costs."""

_INSERT_MAX_ROWS = 1000

_TIMEOUT_MIN_ROWS = 10
"""So few take no longer than one: what ran into the server's limit of time waits for a lock."""

_NOT_SUPPORTED = "0A000"

_NO_RIGHT = "42501"

_UNKNOWN_RUN = "23503"

_SERVER_TIMEOUT = "57014"

_LEFT_TO_INSERT = frozenset({_NOT_SUPPORTED, _NO_RIGHT, _SERVER_TIMEOUT})

Row = list[str]

_IS_JSON = (False, False, False, False, False, False, True)
"""Of a row's fields."""


class Written(NamedTuple):
    """How a block ended: entries committed (or there already), and those that were refused."""

    committed: int
    dead: list[DeadLetter]


class RunNotThereYetError(Exception):
    """Entries of a run that another process started, and has not delivered yet."""


class OutOfTimeError(Exception):
    """The script's end leaves no time for more; the rest stays in the spool."""


class Store:
    """Writes to one database through a connection of its own, opened when first needed."""

    def __init__(self, settings: Settings) -> None:
        """Connect not yet."""
        self._dsn = settings.dsn or ""
        self._schema = settings.schema
        self._connect_timeout = settings.connect_timeout
        self._statement_timeout = settings.statement_timeout
        self._connection: WriteConnection | None = None
        self._may_copy = True
        self._started: set[str] = set()
        self.own_patience = OwnPatience()
        self.patience = self.own_patience
        """With runs whose row is missing; another one while an orphan is delivered."""
        self._stop_at = float("inf")
        self.between_statements: Callable[[], None] = lambda: None
        """Called now and then while a block takes many statements; may use the connection."""

    def connection(self) -> WriteConnection:
        """Return the connection, opened now if there is none, for one statement and its deadline.

        Raises:
            OutOfTimeError: the process is to have stopped by now.
        """
        if not self.is_connected:
            from runlog._database import connection as connecting

            self.close()
            self._connection = connecting.connect(
                self._dsn,
                name=connecting.application_name(),
                timeout=self._connect_timeout,
                at_most=self._deadline() - time.monotonic(),
                kind=connecting.WriteConnection,
            )
            if connecting.is_exposed(self._connection):
                place = self.shown()
                told = f"the connection to {place} is not encrypted; add sslmode=require to it"
                notices.change("encryption", place, told)
        assert self._connection is not None  # noqa: S101 - for the type checker
        self._connection.deadline = self._deadline()
        # Asked again: ``hasten`` may have come in between, on another thread.
        self._connection.deadline = self._deadline()
        return self._connection

    def _deadline(self) -> float:
        now = time.monotonic()
        if now >= self._stop_at:
            raise OutOfTimeError
        return min(now + self._statement_timeout, self._stop_at)

    def write(self, block: bytes, *, sure: bool) -> Written:
        """Store a block of whole lines; ``sure`` for a replay and for what others left.

        Raises:
            psycopg.Error: an outage or a fault of the setup; sending the block again is harmless.
            RunNotThereYetError: try again later, for the other process's run to be there.
        """
        if not sure and self._may_copy:
            lines = count_newlines(block)
            if lines >= BULK_MIN_LINES and self._copy(block):
                # All of them entries: COPY refuses a line that is blank, cancelled or damaged.
                return Written(lines, [])
        rows, damaged = decode_lines(block)
        dead = [
            DeadLetter(line.decode("utf-8", "backslashreplace"), None, "damaged")
            for line in damaged
        ]
        for start in range(0, len(rows), _INSERT_MAX_ROWS):
            dead += self._insert(rows[start : start + _INSERT_MAX_ROWS])
        elsewhere = len(dead) + self.patience.count_kept()
        return Written(len(rows) + len(damaged) - elsewhere, dead)

    def _copy(self, block: bytes) -> bool:
        """Send the block as it is; False when the sure lane has to find out more."""
        import psycopg

        connection = self.connection()
        try:
            with connection.cursor() as cursor, cursor.copy(self._sql("copy_entries")) as copy:
                copy.write(block)
        except (psycopg.Error, UnicodeError) as error:
            state = sqlstate(error)
            # It needs the table's owner or no row level security at all.
            self._may_copy = state != _NOT_SUPPORTED
            if state not in _LEFT_TO_INSERT and fault_of(error) is not Fault.ROW:
                raise
            return False
        return True

    def _insert(self, rows: list[Row]) -> list[DeadLetter]:
        """Insert ``rows`` in one statement; halve them until the refused ones stand alone.

        Also where a statement takes longer than the server allows (``statement_timeout``).
        """
        import psycopg

        self.between_statements()
        try:
            columns = [list(column) for column in zip(*rows, strict=True)]
            connection = self.connection()
            connection.execute(self._sql("insert_entries"), connection.storable(columns, _IS_JSON))
        except (psycopg.Error, UnicodeError) as error:
            is_long = sqlstate(error) == _SERVER_TIMEOUT and len(rows) > _TIMEOUT_MIN_ROWS
            if fault_of(error) is not Fault.ROW and not is_long:
                raise
            refusal = error
        else:
            return []
        runs = {row[1] for row in rows}
        if len(rows) == 1 or (sqlstate(refusal) == _UNKNOWN_RUN and len(runs) == 1):
            return self._refused(rows, refusal)
        return [letter for part in _parts(rows, runs, refusal) for letter in self._insert(part)]

    def _refused(self, rows: list[Row], refusal: Exception) -> list[DeadLetter]:
        run_id = rows[0][1]
        is_late = sqlstate(refusal) == _UNKNOWN_RUN and run_id not in self._started
        if is_late and self.patience.lasts_for(run_id):
            if self.patience.keep_entries(rows):
                return []
            raise RunNotThereYetError(run_id) from refusal
        reason = str(refusal).strip()
        return [DeadLetter.of_row(row, sqlstate(refusal), reason) for row in rows]

    def apply(self, event: dict[str, Any], *, is_live: bool) -> DeadLetter | None:
        """Apply one run event to ``runs``; return it as a dead letter if it is refused."""
        # Before: an address that cannot be read is no fault of the event, and holds the password.
        self.connection()

        def execute(name: str, values: dict[str, Any]) -> int:
            connection = self.connection()
            texts = connection.storable(values.values(), (it == "metadata" for it in values))
            values = {**dict(zip(values, texts, strict=True)), "is_live": is_live}
            return connection.execute(self._sql(name), values).rowcount

        try:
            done = apply_event(execute, event)
        except KeyError as error:
            return _dead_event(event, error)
        if done.refusal is not None:
            return _dead_event(event, done.refusal, done.left_out)
        if event["event"] == "start":
            self.note_started(event["id"])
        if event["event"] == "join" and not done.rows:
            # This process's own events are applied in between, while an orphan is delivered.
            patience = self.own_patience if is_live else self.patience
            if event["id"] not in self._started and patience.lasts_for(event["id"]):
                if patience.keep_event(event):
                    return None
                raise RunNotThereYetError(event["id"])
            return _dead_event(event, LookupError("the run that was joined never appeared"))
        return None

    def note_started(self, run_id: str) -> None:
        """Note that this run's row was there: if it is missing it was deleted, and is not late."""
        self._started.add(run_id)

    def sweep(self, run_id: str, *, finished_at: str, error_message: str, outcome: str) -> None:
        """Close a run whose process is gone; raises also what is refused of this run alone."""
        values = {"id": run_id, "finished_at": finished_at, "error_message": error_message}
        self.connection().execute(self._sql("sweep_run"), {**values, "outcome": outcome})

    def heartbeat(self, run_ids: list[str]) -> None:
        """Leave the sign of life of these runs."""
        self.connection().execute(self._sql("heartbeat"), {"ids": run_ids})

    def _sql(self, name: str) -> bytes:
        return statements.statement(f"delivery/{name}", self._schema)

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection that is not known to be broken."""
        return self._connection is not None and not self._connection.closed

    def hasten(self, deadline: float) -> None:
        """Bring the deadline forward, also for a statement under way in another thread."""
        self._stop_at = deadline
        connection = self._connection
        if connection is not None:
            connection.deadline = min(connection.deadline, deadline)

    def shown(self) -> str:
        """Return the database in a word that people may read."""
        return dsn.shown(self._dsn, os.environ)

    def without_password(self, text: str) -> str:
        """Return an error's text as people may read it."""
        return dsn.without_password(text, self._dsn, os.environ)

    def close(self) -> None:
        """Close the connection, whatever state it is in; the next statement opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def cancel(self) -> None:
        """End a statement that is still under way on the server."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.cancel_safe(timeout=1.0)

    def forget_in_child(self) -> None:
        """Let go of the parent's connection after a fork."""
        if self._connection is not None:
            self._connection.forget_in_child()


def _parts(rows: list[Row], runs: set[str], refusal: Exception) -> Iterator[list[Row]]:
    if sqlstate(refusal) == _UNKNOWN_RUN:
        # By run: all entries of a missing run are refused, halving would find them one by one.
        for run_id in sorted(runs):
            yield [row for row in rows if row[1] == run_id]
    else:
        middle = len(rows) // 2
        yield rows[:middle]
        yield rows[middle:]


def _dead_event(
    event: dict[str, Any], error: Exception, left_out: tuple[str, ...] = ()
) -> DeadLetter:
    import orjson

    reason = str(error).strip() or repr(error)
    if left_out:
        reason = f"{', '.join(left_out)} of a run, stored without: {reason}"
    return DeadLetter(orjson.dumps(event).decode(), sqlstate(error), reason)
