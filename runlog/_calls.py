"""What belongs to the call that made a LogRecord: its run, its step, and who has stored it.

Kept beside the records, in a table that lets go of them: an attribute would be printed by
formatters that print all attributes, and slots would make a class of another layout, to which
programs that assign ``record.__class__`` (Sphinx) cannot assign. Runs on the caller's thread for
every record of the process: must not block and must not raise.
"""

from __future__ import annotations

import logging
import weakref
from typing import Any

from . import _binding, _passing
from ._record import TRAVELLING, Fields, read_what_queues_drop


class Call(weakref.ref[logging.LogRecord]):
    """The call that made the record which this refers to."""

    __slots__ = ("at_call", "claims", "key", "run_id", "step")

    key: int
    run_id: str | None
    step: object
    claims: list[object] | None
    """The recorders that have stored the record, or a copy of it."""
    at_call: Fields | None
    """What the record said when it was copied, for queues that overwrite it."""


_calls: dict[int, Call] = {}
# Bound once: these are called for every record of the process.
_run_variable = _binding.run_variable.get
_step_variable = _binding.step_variable.get


def _forget(call: Call) -> None:
    _calls.pop(call.key, None)


def _remember(record: logging.LogRecord) -> Call:
    call = Call(record, _forget)
    call.key = key = id(record)
    _calls[key] = call
    return call


class BoundRecord(logging.LogRecord):
    """A LogRecord whose copies know its call, and what it said: ``QueueHandler`` overwrites them.

    A pickled one becomes a plain record that carries this in one attribute, so that whoever reads
    it needs no runlog.
    """

    def __copy__(self) -> logging.LogRecord:
        copied = BoundRecord.__new__(BoundRecord)
        copied.__dict__.update(self.__dict__)
        call = _calls.get(id(self))
        if call is not None and call() is self:
            if call.claims is None:
                # One list for both: who has stored the one has stored the other.
                call.claims = []
            if call.at_call is None:
                call.at_call = read_what_queues_drop(self)
            other = _remember(copied)
            other.run_id, other.step = call.run_id, call.step
            other.claims, other.at_call = call.claims, call.at_call
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        state = dict(self.__dict__)
        call = _calls.get(id(self))
        if call is not None:
            at_call = tuple(call.at_call) if call.at_call else None
            state[TRAVELLING] = (
                call.run_id, _picklable(call.step), bool(call.claims), _picklable(at_call)
            )  # fmt: skip
        return logging.makeLogRecord, (state,)


def _picklable(value: object) -> Any:
    import pickle

    try:
        pickle.dumps(value)
    except Exception:
        # A queue's reader does without it; the program's own record must still get through.
        return None
    return value


class _Factory:
    """A record factory that remembers the call; the records are another one's."""

    def __init__(self, factory: Any) -> None:
        self._factory = BoundRecord if factory is logging.LogRecord else factory

    def __call__(self, *args: Any, **keywords: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._factory(*args, **keywords)
        if type(record) is logging.LogRecord:
            record.__class__ = BoundRecord
        call = _remember(record)
        run = _run_variable()
        call.run_id = _binding.run_id() if run is None else run.id_text
        call.step = _step_variable()
        call.claims = _passing.claims_of_call() if _passing.current.event else None
        call.at_call = None
        return record


def remember_calls() -> None:
    """Have logging's records remembered from now on, whatever factory makes them."""
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, _Factory):
        logging.setLogRecordFactory(_Factory(factory))


def claim(
    record: logging.LogRecord, recorder: object
) -> tuple[str | None, object, Fields | None] | None:
    """Note that ``recorder`` stores ``record``; None when it has done so already.

    Returns:
        The id of the run and the active step of the call that made the record, and what it said
        when it was copied for a queue.
    """
    call = _calls.get(id(record))
    travelled = record.__dict__.get(TRAVELLING)
    if travelled is not None:
        return _claim_from_elsewhere(*travelled)
    if call is None:
        # Made before runlog, or by a factory that replaced ours.
        if _passing.current.event and recorder in (_passing.claims_of_call() or ()):
            return None
        return _binding.run_id(), _binding.step_variable.get(), None
    claims = call.claims
    if claims is None:
        call.claims = [recorder]
    elif recorder in claims:
        return None
    else:
        claims.append(recorder)
    return call.run_id, call.step, call.at_call


def _claim_from_elsewhere(
    run_id: str | None, step: object, is_stored: bool, at_call: tuple[Any, ...] | None
) -> tuple[str | None, object, Fields | None] | None:
    if is_stored:
        return None
    return run_id, step, Fields(*at_call) if at_call else None


def is_claimed(record: logging.LogRecord) -> bool:
    """Tell whether anybody has stored ``record``, in whatever database."""
    call = _calls.get(id(record))
    return bool(_passing.claims_of_call() if call is None else call.claims)


def is_known(record: logging.LogRecord) -> bool:
    """Tell whether the call of ``record`` is remembered."""
    return id(record) in _calls
