"""What belongs to the call that made a LogRecord: its run, its step, and who has stored it.

A handler is called within the call, so that run and step are those of the moment. Records that wait
in a queue or a buffer are handled later and elsewhere: what belongs to their call is kept beside
them, in a table that lets go of them, for an attribute would be printed by formatters that print
all attributes. Runs on the caller's thread; must not block and must not raise.
"""

from __future__ import annotations

import logging
import weakref
from contextlib import suppress
from functools import cache
from typing import Any, TypeAlias

from runlog._capture import once
from runlog._capture.log_record import TRAVELLING, Fields, read_what_queues_drop
from runlog._capture.once import Claims, holders_of, marks
from runlog._process.interrupts import is_interrupt
from runlog._process.state import process
from runlog._recorder import open_runs


class Call(weakref.ref[logging.LogRecord]):
    """The call that made the record which this refers to, and which waits somewhere."""

    __slots__ = ("at_call", "claims", "key", "run_id", "step")

    key: int
    run_id: str | None
    step: object
    claims: list[Claims]
    """Of whom the record, or a copy of it, is already."""
    at_call: Fields | None
    """What the record said when it was copied, for queues that overwrite it."""


Told: TypeAlias = tuple[str | None, object, Fields | None]
"""Of the call of a record: the run's id, the active step, and what the record said when copied."""


class Waiting:
    """The calls of the records of this process that wait somewhere."""

    def __init__(self) -> None:
        self.calls: dict[int, Call] = {}
        """By the records' ids."""


waiting = process.part(Waiting)

_run_variable = open_runs.run_variable.get
_step_variable = open_runs.step_variable.get


def _remember(record: logging.LogRecord) -> Call:
    call = Call(record, _forget)
    call.key = id(record)
    return call


def _enter(call: Call) -> None:
    """Put ``call`` into the table, when all of it is known: a signal may strike in between."""
    waiting.calls[call.key] = call


def _forget(call: Call) -> None:
    if waiting.calls.get(call.key) is call:
        del waiting.calls[call.key]


class BoundRecord(logging.LogRecord):
    """A LogRecord whose copies know its call, and what it said: ``QueueHandler`` overwrites them.

    A pickled one becomes a plain record that carries this in one attribute, so that whoever reads
    it needs no runlog.
    """

    def __copy__(self) -> logging.LogRecord:
        copied = BoundRecord.__new__(BoundRecord)
        copied.__dict__.update(self.__dict__)
        call = waiting.calls.get(id(self))
        if call is not None and call() is self:
            if call.at_call is None:
                call.at_call = read_what_queues_drop(self)
            other = _remember(copied)
            other.run_id, other.step = call.run_id, call.step
            # One list for both: who has stored the one has stored the other.
            other.claims, other.at_call = call.claims, call.at_call
            _enter(other)
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        state = dict(self.__dict__)
        call = waiting.calls.get(id(self))
        if call is not None:
            state[TRAVELLING] = (
                call.run_id, _picklable(call.step), bool(call.claims), _picklable(call.at_call)
            )  # fmt: skip
        return logging.makeLogRecord, (state,)


def _picklable(value: object) -> Any:
    import pickle

    try:
        pickle.dumps(value)
    except Exception as error:
        if is_interrupt(error):
            raise
        # A queue's reader does without it; the program's own record must still get through.
        return None
    return value


def keep(record: logging.LogRecord) -> None:
    """Keep what belongs to the call of ``record``, which will be handled later or elsewhere."""
    call = waiting.calls.get(id(record))
    if call is not None and call() is record:
        return
    if type(record) is logging.LogRecord:
        record.__class__ = BoundRecord
    call = _remember(record)
    call.run_id, call.step = open_runs.run_id(), _step_variable()
    call.claims = [*holders_of(record), *_claims_of_event(record)]
    call.at_call = None
    _enter(call)


def _claims_of_event(record: logging.LogRecord) -> list[Claims]:
    if once.current.event is None:
        return []
    return once.claims_of_call(record) or []


def keep_what_waits() -> None:
    """From now on keep what belongs to records that logging's own queues and buffers take.

    These take a record in ``emit``; in between it would be too late, for what they store is a copy.
    """
    # With no descriptor free the next handler tries again.
    with suppress(ImportError, OSError):
        _keep_what_waits()


@cache
def _keep_what_waits() -> None:
    from logging.handlers import BufferingHandler, QueueHandler

    for kind in (QueueHandler, BufferingHandler):
        kind.emit = _keeping(kind.emit)  # type: ignore[method-assign]


def _keeping(original: Any) -> Any:
    def emit(self: logging.Handler, record: logging.LogRecord) -> None:
        # A record of a class of its own making may refuse; the program's handler comes first.
        try:
            keep(record)
        except Exception as error:
            if is_interrupt(error):
                raise
        original(self, record)

    pass_for(emit, original)
    return emit


def pass_for(function: Any, original: Any) -> None:
    """Have the frames of ``function`` look like those of logging's method that it replaces.

    Whoever walks the frames of a call leaves out those of logging's files: ``handleError``, which
    prints them, and handlers that look for who has logged.
    """
    code = getattr(original, "__code__", None)
    if code is not None:
        function.__code__ = function.__code__.replace(
            co_filename=code.co_filename, co_firstlineno=code.co_firstlineno
        )


def claim(record: logging.LogRecord, claims: Claims) -> Told | None:
    """Note that the recorder of ``claims`` stores ``record``; None when it has done so already."""
    if marks.is_used and once.current.event is not None:
        for holder in _claims_of_event(record):
            holder.take(record)
    fields = record.__dict__
    if (waiting.calls and id(record) in waiting.calls) or TRAVELLING in fields:
        return _claim_what_waited(record, claims)
    # As ``take`` does; a call less for nearly every record.
    if fields.get("processName") is claims.plain:
        fields["processName"] = claims.mark
    elif not claims.take(record):
        return None
    run = _run_variable()
    return open_runs.run_id() if run is None else run.id_text, _step_variable(), None


def _claim_what_waited(record: logging.LogRecord, claims: Claims) -> Told | None:
    travelled = record.__dict__.get(TRAVELLING)
    if travelled is not None:
        run_id, step, is_stored, at_call = travelled
        return None if is_stored else (run_id, step, at_call)
    call = waiting.calls[id(record)]
    if claims in call.claims:
        return None
    call.claims.append(claims)
    return call.run_id, call.step, call.at_call


def is_held(record: logging.LogRecord, claims: Claims) -> bool:
    """Tell whether the recorder of ``claims`` has stored ``record``."""
    call = waiting.calls.get(id(record))
    return claims in (call.claims if call is not None else holders_of(record))


def hand_over(original: logging.LogRecord, record: logging.LogRecord) -> None:
    """Have ``record``, which a filter puts in the place of ``original``, belong to its call."""
    call = waiting.calls.get(id(original))
    if call is not None and id(record) not in waiting.calls:
        other = _remember(record)
        other.run_id, other.step, other.claims, other.at_call = (
            call.run_id, call.step, call.claims, None
        )  # fmt: skip
        _enter(other)
    travelled = original.__dict__.get(TRAVELLING)
    if travelled is not None:
        record.__dict__.setdefault(TRAVELLING, travelled)


def is_claimed(record: logging.LogRecord) -> bool:
    """Tell whether anybody has stored ``record``, in whatever database."""
    call = waiting.calls.get(id(record))
    return bool(call.claims if call is not None else holders_of(record) or _claims_of_event(record))
