"""A run event → its statements, of which a refused column does not cost the others.

What PostgreSQL refuses for one column (an adopted smallint, a constraint of the user's) is left
out, and the rest is stored; status and end are written whatever becomes of the columns. Each
statement may be applied any number of times. Runs on the shipping thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._entry.cut import cut_json
from runlog._entry.texts import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Event = dict[str, Any]
    Execute = Callable[[str, Event], int]

_STATEMENTS = {
    "start": ("start_run",),
    "update": ("update_run",),
    "finish": ("update_run", "finish_run"),
    "join": ("join_run",),
}
"""Run event → its files in ``sql/delivery``."""

_COLUMNS = (
    "batch_id", "triggered_by", "records_fetched", "records_inserted", "records_updated",
    "records_failed", "calls_analyzed", "api_cost", "sync_mode", "sync_start_date", "sync_end_date",
    "metadata",
)  # fmt: skip
_SHORT_MESSAGE = 200


METADATA_MAX = 2**18
"""Characters, as of an entry by default: what is larger may never get through, and holds up all."""

_MESSAGE_MAX = 2**16


def plain_statements(event: Event) -> tuple[str, ...]:
    """Return the files of an event if nothing depends on what becomes of each; else none."""
    return _STATEMENTS[event["event"]] if event["event"] != "join" else ()


def fitting(event: Event) -> Event:
    """Return ``event`` with metadata and message of a size that gets through, visibly cut.

    Where an event is taken, and again where it is delivered: an older runlog took any size.
    """
    metadata, message = event.get("metadata"), event.get("error_message")
    if isinstance(metadata, str) and len(metadata) > METADATA_MAX:
        event = {**event, "metadata": _cut_metadata(metadata)}
    if isinstance(message, str) and len(message) > _MESSAGE_MAX:
        event = {**event, "error_message": shorten(message, _MESSAGE_MAX)}
    return event


def _cut_metadata(metadata: str) -> str:
    import orjson

    facts = _facts(metadata)
    # Without these runlog does not know its run.
    notes = facts.pop("runlog", {})
    cut = orjson.loads(cut_json(facts, METADATA_MAX // 2, orjson.dumps))
    return orjson.dumps({**cut, "runlog": notes}).decode()


class RefusedError(Exception):
    """A statement of an event is refused for the event itself; ``reason`` says why."""

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


class Applied(NamedTuple):
    """What became of an event: rows changed by its last statement, and the refusal if any."""

    rows: int
    refusal: Exception | None = None
    left_out: tuple[str, ...] = ()
    """The columns that were refused, where the rest is stored."""


def apply_event(execute: Execute, event: Event) -> Applied:
    """Apply ``event``.

    Args:
        execute: runs a statement of ``sql/delivery`` with values; returns how many rows changed,
            and raises ``RefusedError`` where the event is at fault. What else it raises goes on.
        event: the event.
    """
    done = Applied(0)
    for name in _STATEMENTS[event["event"]]:
        now = _apply(execute, name, event)
        done = Applied(now.rows, done.refusal or now.refusal, done.left_out + now.left_out)
    return done


def _apply(execute: Execute, name: str, event: Event) -> Applied:
    rows, refusal = _attempt(execute, name, event)
    if refusal is None:
        return Applied(rows)
    if name == "finish_run":
        for smaller in _shorter(event):
            rows, again = _attempt(execute, name, smaller)
            if again is None:
                return Applied(rows, refusal, ("error_message",))
        return Applied(0, refusal)
    return _apply_columns(execute, name, event, refusal)


def _apply_columns(execute: Execute, name: str, event: Event, refusal: Exception) -> Applied:
    """Store what is not refused, column by column; rare, and at most a dozen statements."""
    accepted = {**event, **dict.fromkeys(_COLUMNS), "metadata": _own_metadata(event)}
    rows, again = _attempt(execute, name, accepted)
    if again is not None:
        return Applied(0, refusal)
    refused = []
    for column in _COLUMNS:
        if event.get(column) is not None:
            rows, again = _attempt(execute, name, {**accepted, column: event[column]})
            if again is None:
                accepted[column] = event[column]
            else:
                refused.append(column)
    return Applied(rows, refusal, tuple(refused))


def _attempt(execute: Execute, name: str, event: Event) -> tuple[int, Exception | None]:
    try:
        return execute(name, event), None
    except RefusedError as refused:
        return 0, refused.reason


def _shorter(event: Event) -> Iterator[Event]:
    message = event["error_message"]
    yield {**event, "error_message": message and message[:_SHORT_MESSAGE]}
    yield {**event, "error_message": None}
    yield {**event, "error_message": None, "duration_ms": None}


def _own_metadata(event: Event) -> str:
    """Return what runlog itself notes in the metadata, without which it does not know its run."""
    import orjson

    return orjson.dumps({"runlog": _facts(event["metadata"]).get("runlog", {})}).decode()


def _facts(metadata: str) -> dict[str, Any]:
    """Return metadata as a dict; an empty one where the spool's file was damaged."""
    import orjson

    try:
        facts = orjson.loads(metadata)
    except orjson.JSONDecodeError:
        return {}
    return facts if isinstance(facts, dict) else {}
