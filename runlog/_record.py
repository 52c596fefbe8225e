"""LogRecord → the fields of an entry, as they were at the call, and stored once.

Lives here: what of a record becomes step, message and meta; and ``BoundRecord``, the LogRecord
that remembers the run and the step of its call, so that a handler behind a queue still knows
them, and who has stored it already. Not here: structlog's events (``_event``). Runs on the
caller's thread for every record of the process: must not block and must not raise.
"""

# ruff: noqa: SLF001 - the slots of BoundRecord are private to this module

from __future__ import annotations

import logging
from itertools import islice
from typing import Any, NamedTuple

from . import _binding, _passing
from ._event import read_event
from ._meta import add_fields, merge_meta
from ._notices import notices
from ._stack import exception_meta
from ._texts import text_of

_PLAIN = logging.LogRecord("", 0, "", 0, "", (), None)
# LogRecord.__init__ sets its attributes first; what a call adds by extra= comes after them.
_PLAIN_COUNT = len(_PLAIN.__dict__)
_TRAVEL = "_runlog"
_init = logging.LogRecord.__init__


class Fields(NamedTuple):
    """What a record says, beside its time and level."""

    step: object
    message: object
    meta: dict[str, Any]


class BoundRecord(logging.LogRecord):
    """A LogRecord with what runlog knows of its call, in slots: ``__dict__`` is as it would be.

    Formatters that print every attribute of a record therefore print nothing of ours, and names
    given by ``extra`` cannot meet ours. A pickled record becomes a plain one that carries its
    binding in one attribute, so that its reader needs no runlog.
    """

    __slots__ = ("_runlog_at_call", "_runlog_claims", "_runlog_run_id", "_runlog_step")

    def __init__(self, *args: Any, **keywords: Any) -> None:
        """Take what logging gives to its record factory."""
        _init(self, *args, **keywords)
        run = _binding.run_variable.get()
        self._runlog_run_id = _binding.run_id() if run is None else run.id_text
        self._runlog_step: object = _binding.step_variable.get()
        self._runlog_claims = _passing.claims_of_call() if _passing.current.event else None
        self._runlog_at_call: Fields | None = None

    def __copy__(self) -> BoundRecord:
        """Return a copy that still knows message and exception when both are overwritten.

        ``QueueHandler`` copies a record in order to do that.
        """
        if self._runlog_claims is None:
            # One list for both: who has stored the one has stored the other.
            self._runlog_claims = []
        if self._runlog_at_call is None:
            self._runlog_at_call = _read_what_queues_drop(self)
        copied = BoundRecord.__new__(BoundRecord)
        copied.__dict__.update(self.__dict__)
        for name in BoundRecord.__slots__:
            setattr(copied, name, getattr(self, name))
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain record; values that cannot be pickled fail as they do in one."""
        at_call = tuple(self._runlog_at_call) if self._runlog_at_call else None
        travelling = (
            self._runlog_run_id,
            _picklable(self._runlog_step),
            bool(self._runlog_claims),
            _picklable(at_call),
        )
        return logging.makeLogRecord, ({**self.__dict__, _TRAVEL: travelling},)


def _picklable(value: object) -> Any:
    import pickle

    try:
        pickle.dumps(value)
    except Exception:
        # A queue's reader does without it; the program's own record must still get through.
        return None
    return value


def bind_records() -> None:
    """Have logging make bound records from now on, around whatever factory is set."""
    factory = logging.getLogRecordFactory()
    if factory is logging.LogRecord:
        logging.setLogRecordFactory(BoundRecord)
    elif factory is not BoundRecord and not isinstance(factory, _Around):
        logging.setLogRecordFactory(_Around(factory))


class _Around:
    """A record factory that binds what another one makes."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def __call__(self, *args: Any, **keywords: Any) -> logging.LogRecord:
        made: logging.LogRecord = self._factory(*args, **keywords)
        if type(made) is not logging.LogRecord:
            return made
        bound = BoundRecord("", 0, "", 0, "", (), None)
        bound.__dict__ = made.__dict__
        return bound


def claim(record: logging.LogRecord, recorder: object) -> tuple[str | None, object] | None:
    """Note that ``recorder`` stores ``record``; None when it has done so already.

    Returns:
        The id of the run, and the active step, of the call that made the record.
    """
    carried = record.__dict__.get(_TRAVEL)
    if carried is not None:
        return None if carried[2] else (carried[0], carried[1])
    if type(record) is not BoundRecord:
        if _passing.current.event and recorder in (_passing.claims_of_call() or ()):
            return None
        return _binding.run_id(), _binding.step_variable.get()
    claims = record._runlog_claims
    if claims is None:
        record._runlog_claims = [recorder]
    elif recorder in claims:
        return None
    else:
        claims.append(recorder)
    return record._runlog_run_id, record._runlog_step


def is_claimed(record: logging.LogRecord) -> bool:
    """Tell whether anybody has stored ``record``, in whatever database."""
    if type(record) is BoundRecord:
        return bool(record._runlog_claims)
    return bool(_passing.claims_of_call())


def read_fields(record: logging.LogRecord) -> Fields:
    """Return what ``record`` says; the step is the one that it names itself, or None."""
    extras = extras_of(record)
    at_call = _find_overwritten(record, extras) if record.args is None else None
    if "_name" in extras and (at_call or type(record.msg) is dict):
        return at_call or _read_wrapped(record, extras)
    step = extras.pop("step", None)
    if at_call is not None:
        meta = add_fields(merge_meta(extras.pop("meta", None), extras), at_call.meta)
        return Fields(step, at_call.message, meta)
    meta = _meta(record, extras)
    return Fields(step, _message(record, meta), meta)


def extras_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what the call, filters and factories added to ``record``."""
    extras = dict(islice(record.__dict__.items(), _PLAIN_COUNT, None))
    # Set by the formatters of other handlers.
    extras.pop("message", None)
    extras.pop("asctime", None)
    return extras


def _read_wrapped(record: logging.LogRecord, extras: dict[str, Any]) -> Fields:
    """Return what an event of structlog says that ``wrap_for_formatter`` handed on."""
    event: Any = record.msg
    read = read_event(event, extras["_name"], record.name)
    return Fields(read.step, read.message, read.meta)


def _read_what_queues_drop(record: logging.LogRecord) -> Fields:
    extras = extras_of(record)
    if "_name" in extras and type(record.msg) is dict:
        return _read_wrapped(record, extras)
    meta = _meta(record, {})
    return Fields(None, text_of(_message(record, meta)), meta)


def _find_overwritten(record: logging.LogRecord, extras: dict[str, Any]) -> Fields | None:
    """Return message and exception of the call, if ``QueueHandler.prepare`` has overwritten them.

    A filter that changed the message since then, or a copy made for another reason, does not look
    like this: such a record says what it says.
    """
    carried = extras.pop(_TRAVEL, None)
    if record.exc_info is not None or record.__dict__.get("message") is not record.msg:
        return None
    if carried is not None:
        return Fields(*carried[3]) if carried[3] else None
    return record._runlog_at_call if type(record) is BoundRecord else None


def is_own_noise(name: str) -> bool:
    """Tell whether a logger's records come from the shipping itself, which they would feed."""
    return name[:7] == "psycopg" or name == "runlog" or name[:7] == "runlog."


def _meta(record: logging.LogRecord, extras: dict[str, Any]) -> dict[str, Any]:
    meta = merge_meta(extras.pop("meta", None), extras)
    if record.exc_info:
        meta = add_fields(meta, exception_meta(record.exc_info))
    elif record.exc_text:
        meta = add_fields(meta, {"stack": record.exc_text})
    if record.stack_info:
        meta = add_fields(meta, {"stack_info": record.stack_info})
    name = record.name
    if name == "root":
        return meta
    if "logger" in meta:
        return add_fields(meta, {"logger": name})
    meta["logger"] = name
    return meta


def _message(record: logging.LogRecord, meta: dict[str, Any]) -> object:
    if not record.args:
        return record.msg
    try:
        return record.getMessage()
    except Exception as error:
        meta.setdefault("args", record.args)
        meta.setdefault("format_error", repr(error))
        place = f"{record.pathname}:{record.lineno}"
        notices.change("format", place, f"a message could not be formatted, stored raw: {place}")
        return record.msg
