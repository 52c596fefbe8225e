"""Store: one batch to PostgreSQL, exactly once however often it is sent, and dead letters.

Two lanes (DESIGN.md §3). The sure lane is ``insert … on conflict do nothing``: idempotent, works
under row level security. The bulk lane is ``COPY`` of the spool's bytes as they are; when a block
was there already it says 23505, and the sure lane takes it. Runs under the shipper's lock, on
whichever thread ships. Raises what PostgreSQL raises, except for rows that it refuses: those are
narrowed down to and returned as dead letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import driver, statements
from runlog._database.faults import NO_RIGHT, NOT_SUPPORTED, sqlstate
from runlog._delivery import at_once
from runlog._delivery.refusals import Refusals
from runlog._delivery.run_events import RefusedError, apply_event, fitting
from runlog._entry.copy_text import count_newlines, decode_lines
from runlog._spool.dead_letters import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.connection import WriteConnection
    from runlog._database.session import Session
    from runlog._delivery.late_runs import LateRuns

BULK_MIN_LINES = 2000
"""From here on COPY is faster than the insert by more than its second round trip costs."""

_INSERT_MAX_ROWS = 1000

_UNKNOWN_RUN = "23503"

_INTERNAL = "XX000"
"""As Citus tells every fault of a row in COPY; the insert tells it by its own name."""

_LEFT_TO_INSERT = frozenset({NOT_SUPPORTED, NO_RIGHT, _INTERNAL})

_MOST_STARTED = 10_000

_MAY_BE_THERE = b"on conflict do nothing"

Row = list[str]

_IS_JSON = (False, False, False, False, False, False, True)
"""Of a row's fields."""


class Written(NamedTuple):
    """How rows ended: entries committed (or there already), refused, and left for later."""

    committed: int
    dead: list[DeadLetter]
    late: list[Row]
    """Of runs that another process started, and has not delivered yet."""


class Ended(NamedTuple):
    """How a run event ended: refused in whole or in part, or left for later."""

    dead: list[DeadLetter]
    is_late: bool = False
    ended: str | None = None
    """The run that ended by it."""


class AtOnce(NamedTuple):
    """How run events and the entries after them were stored together: none was refused."""

    committed: int
    ended: list[str]
    """The runs that ended by it."""


class Store:
    """Writes to one database through the session it is given."""

    def __init__(self, session: Session, schema: str) -> None:
        self._session = session
        self._schema = schema
        self._refusals = Refusals(session, schema)
        self._may_copy = True
        # In the order in which they began; a value says nothing.
        self._started: dict[str, None] = {}

    def write_at_once(self, events: list[bytes], block: bytes) -> AtOnce | None:
        """Store run events and the entries after them in one round trip; None: one by one, please.

        Raises:
            psycopg.Error: an outage; sending them again is harmless.
        """
        told = at_once.list_events(events)
        rows = at_once.list_rows(block)
        if told is None or rows is None or not self._may_send_at_once():
            return None
        connection = self._session.connection()
        asked = at_once.list_statements(told, rows)
        sent = at_once.send(connection, (self._storable(connection, it) for it in asked))
        if sent is None or any(rows < it.least for rows, it in zip(sent, asked, strict=True)):
            return None
        for event in told:
            if event["event"] == "start":
                self.note_started(event["id"])
        return AtOnce(len(rows), [it["id"] for it in told if it["event"] == "finish"])

    def _storable(self, connection: WriteConnection, asked: at_once.Statement) -> tuple[bytes, Any]:
        if asked.name == "insert_entries":
            return self._sql(asked.name), connection.storable(asked.values, _IS_JSON)
        return self._sql(asked.name), _storable_event(connection, asked.values)

    def _may_send_at_once(self) -> bool:
        is_told = self._refusals.are_told("runs") or self._refusals.are_told("logs")
        return not is_told and driver.Pipeline.is_supported()

    def write(self, block: bytes, late: LateRuns, *, sure: bool) -> Iterator[Written]:
        """Store a block of whole lines; ``sure`` for a replay and for what others left.

        Yields after each statement, so that the caller may use the connection in between.

        Raises:
            psycopg.Error: an outage or a fault of the setup; sending the block again is harmless.
            NotYetSureError: one row is refused, but maybe not for itself.
        """
        if not sure and self._may_copy:
            lines = count_newlines(block)
            if lines >= BULK_MIN_LINES and self._copy(block):
                # All of them entries: COPY refuses a line that is blank, cancelled or damaged.
                yield Written(lines, [], [])
                return
        rows, damaged = decode_lines(block)
        if damaged:
            kept = [line.decode("utf-8", "backslashreplace") for line in damaged]
            yield Written(0, [DeadLetter(line, None, "damaged") for line in kept], [])
        for start in range(0, len(rows), _INSERT_MAX_ROWS):
            yield from self._insert(rows[start : start + _INSERT_MAX_ROWS], late)

    def _copy(self, block: bytes) -> bool:
        """Send the block as it is; False when the sure lane has to find out more."""
        connection = self._session.connection()
        try:
            with connection.cursor() as cursor, cursor.copy(self._sql("copy_entries")) as copy:
                copy.write(block)
        except (driver.Error, UnicodeError) as error:
            state = sqlstate(error)
            # It needs the table's owner or no row level security at all.
            self._may_copy = state != NOT_SUPPORTED
            if state in _LEFT_TO_INSERT or self._refusals.is_of("", error, BULK_MIN_LINES):
                return False
            raise
        return True

    def _insert(self, rows: list[Row], late: LateRuns) -> Iterator[Written]:
        """Insert ``rows`` in one statement; halve them until the refused ones stand alone.

        Also where a statement takes longer than the server allows (``statement_timeout`` and
        ``transaction_timeout``).
        """
        try:
            is_all = self._send(rows)
        except (driver.Error, UnicodeError) as error:
            if not self._refusals.is_of(rows[0][0], error, len(rows)):
                raise
            refusal = error
        else:
            if is_all or not self._refusals.may_hide("logs"):
                yield Written(len(rows), [], [])
            else:
                # Once more, and now those that an index of the user's refuses are told.
                yield from self._insert(rows, late)
            return
        runs = {row[1] for row in rows}
        if len(rows) == 1 or (sqlstate(refusal) == _UNKNOWN_RUN and len(runs) == 1):
            yield self._refused(rows, refusal, late)
            return
        yield Written(0, [], [])
        for part in _parts(rows, runs, refusal):
            yield from self._insert(part, late)

    def _send(self, rows: list[Row]) -> bool:
        """Insert ``rows``; False when some of them are not there by this statement."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        is_told = self._refusals.are_told("logs")
        connection = self._session.connection()
        sql = self._insertion("insert_entries", is_told=is_told)
        sent = connection.execute(sql, connection.storable(columns, _IS_JSON))
        # Citus counts wrongly, and then nothing is found out; a replay is all there already.
        return is_told or sent.rowcount >= len(rows)

    def _insertion(self, name: str, is_told: bool) -> bytes:
        sql = self._sql(name)
        return sql.rstrip().removesuffix(_MAY_BE_THERE) if is_told else sql

    def _refused(self, rows: list[Row], refusal: Exception, late: LateRuns) -> Written:
        run_id = rows[0][1]
        if self._refusals.is_there_already("logs", refusal):
            return Written(len(rows), [], [])
        is_late = sqlstate(refusal) == _UNKNOWN_RUN and run_id not in self._started
        if is_late and late.is_expected(run_id):
            return Written(0, [], rows)
        reason = str(refusal).strip() or repr(refusal)
        return Written(0, [DeadLetter.of_row(row, sqlstate(refusal), reason) for row in rows], [])

    def apply(self, event: Any, late: LateRuns, *, is_live: bool) -> Ended:
        """Apply one run event to ``runs``; return it as a dead letter if it is refused.

        Raises:
            psycopg.Error: as ``write``.
            NotYetSureError: as ``write``.
        """
        # Before: an address that cannot be read is no fault of the event, and holds the password.
        self._session.connection()
        try:
            run_id, kind = event["id"], event["event"]
            done = apply_event(self._execute, {**fitting(event), "is_live": is_live})
        except (KeyError, TypeError, ValueError) as error:
            return Ended([_dead_event(event, error)])
        if kind == "start":
            self.note_started(run_id)
        ended = run_id if kind == "finish" else None
        if done.refusal is not None:
            letter = _dead_event(event, done.refusal, done.left_out)
            return Ended([letter], ended=ended)
        if kind == "join" and not done.rows:
            if run_id not in self._started and late.is_expected(run_id):
                return Ended([], is_late=True)
            return Ended(
                [_dead_event(event, LookupError("the run that was joined never appeared"))]
            )
        return Ended([], ended=ended)

    def _execute(self, name: str, values: dict[str, Any]) -> int:
        """Run one statement of an event; return how many rows it changed, or found as they are."""
        connection = self._session.connection()
        is_told = self._refusals.are_told("runs")
        try:
            values = _storable_event(connection, values)
            done = connection.execute(self._insertion(name, is_told=is_told), values)
            is_new = name == "start_run" and done.rowcount == 0 and not is_told
            if is_new and self._refusals.may_hide("runs"):
                connection.execute(self._insertion(name, is_told=True), values)
        except (KeyError, TypeError, UnicodeError) as error:
            raise RefusedError(error) from error
        except driver.Error as error:
            # Without a state: values that the event lacks, or of a kind that psycopg does not know.
            is_odd = isinstance(error, driver.ProgrammingError) and not sqlstate(error)
            if not is_odd and not self._refusals.is_of(f"{name} {values['id']}", error):
                raise
            if not self._refusals.is_there_already("runs", error):
                raise RefusedError(error) from error
            return 1
        return done.rowcount

    def note_started(self, run_id: str) -> None:
        """Note that this run's row was there: if it is missing it was deleted, and is not late."""
        self._started.pop(run_id, None)
        self._started[run_id] = None
        if len(self._started) > _MOST_STARTED:
            del self._started[next(iter(self._started))]

    def sweep(self, run_id: str, *, finished_at: str, error_message: str, outcome: str) -> None:
        """Close a run whose process is gone; raises also what is refused of this run alone."""
        values = {"id": run_id, "finished_at": finished_at, "error_message": error_message}
        self._session.connection().execute(self._sql("sweep_run"), {**values, "outcome": outcome})

    def heartbeat(self, run_ids: list[str]) -> None:
        """Leave the sign of life of these runs."""
        self._session.connection().execute(self._sql("heartbeat"), {"ids": run_ids})

    def _sql(self, name: str) -> bytes:
        return statements.statement(f"delivery/{name}", self._schema)


def _storable_event(connection: WriteConnection, values: dict[str, Any]) -> dict[str, Any]:
    texts = connection.storable(values.values(), (it == "metadata" for it in values))
    return dict(zip(values, texts, strict=True))


def _parts(rows: list[Row], runs: set[str], refusal: Exception) -> Iterator[list[Row]]:
    if sqlstate(refusal) == _UNKNOWN_RUN:
        # By run: all entries of a missing run are refused, halving would find them one by one.
        for run_id in sorted(runs):
            yield [row for row in rows if row[1] == run_id]
    else:
        middle = len(rows) // 2
        yield rows[:middle]
        yield rows[middle:]


def _dead_event(event: Any, error: Exception, left_out: tuple[str, ...] = ()) -> DeadLetter:
    import orjson

    reason = str(error).strip() or repr(error)
    if left_out:
        reason = f"{', '.join(left_out)} of a run, stored without: {reason}"
    return DeadLetter(orjson.dumps(event).decode(), sqlstate(error), reason)
