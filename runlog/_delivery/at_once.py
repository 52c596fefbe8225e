"""What runs say and the entries after it: one round trip, one transaction, as short scripts need.

Only for what is plain; whatever is odd, or refused, goes the careful way afterwards (``store``),
one statement after the other. Each may be applied any number of times, so it does not matter
whether this transaction was committed. Runs under the shipper's lock; raises what an outage raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._database import driver
from runlog._database.faults import Fault, ends_session, fault_of, sqlstate
from runlog._delivery.run_events import fitting, plain_statements
from runlog._entry.copy_text import count_newlines, decode_lines
from runlog._entry.pack import unpack_event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runlog._database.connection import WriteConnection

_MOST_EVENTS = 50
_MOST_LINES = 1000

_ONE_MORE = IndexError
"""What the driver makes of one answer more than it asked for, as to a commit that is refused."""


class Statement(NamedTuple):
    """One of ``sql/delivery``, and how many rows it changes where nothing is odd."""

    name: str
    values: Any
    least: int = 0


def list_events(lines: list[bytes]) -> list[dict[str, Any]] | None:
    """Return the run events of these lines; None where they are odd, or too many."""
    if len(lines) > _MOST_EVENTS:
        return None
    try:
        events = [fitting(unpack_event(line)) for line in lines]
        return events if all(plain_statements(event) for event in events) else None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def list_rows(block: bytes) -> list[list[str]] | None:
    """Return the entries of a block of whole lines; None where they are odd, or too many."""
    if count_newlines(block) > _MOST_LINES:
        return None
    rows, damaged = decode_lines(block)
    return None if damaged else rows


def list_statements(events: list[dict[str, Any]], rows: list[list[str]]) -> list[Statement]:
    """Return what stores all of them, in this order."""
    asked = [
        Statement(name, {**event, "is_live": True}, least=name == "start_run")
        for event in events
        for name in plain_statements(event)
    ]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        asked.append(Statement("insert_entries", columns, least=len(rows)))
    return asked


def send(connection: WriteConnection, asked: Iterable[tuple[bytes, Any]]) -> list[int] | None:
    """Run all statements in one transaction; return the rows each changed, None if one is refused.

    Raises:
        psycopg.Error: the database or the connection is gone.
    """
    refusal: Exception | None = None
    try:
        with connection.pipeline():
            # Not raised within: psycopg would log what then fails at the pipeline's end.
            try:
                sent = [connection.execute(sql, values) for sql, values in asked]
            except (driver.Error, KeyError, TypeError, ValueError) as error:
                refusal = error
    except (driver.Error, _ONE_MORE) as error:
        # What ended the pipeline; that it is in the middle of something comes of that.
        cause = error.__context__
        refusal = refusal or (cause if isinstance(cause, driver.Error) else error)
    if refusal is None:
        return [cursor.rowcount for cursor in sent]
    if connection.closed or ends_session(refusal) or _is_outage(refusal):
        raise refusal
    if connection.info.pipeline_status:
        # psycopg cannot end a pipeline whose very commit is refused, by a deferred constraint.
        connection.close()
    return None


def _is_outage(error: Exception) -> bool:
    if sqlstate(error) is not None or fault_of(error) is not Fault.OUTAGE:
        return False
    # The driver's own word: an answer that it did not expect at the end of the pipeline.
    return not isinstance(error, (driver.InternalError, _ONE_MORE))
