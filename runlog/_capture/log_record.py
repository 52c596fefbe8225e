"""LogRecord → the fields of an entry, as they were at the call, and stored once.

Lives here: what of a record becomes step, message and meta. What belongs to the call that made it
is kept by ``calls``, structlog's events are read by ``event_dict``. Runs on the caller's thread for
every record: must not block.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, TypeAlias

from runlog._capture.event_dict import read_event
from runlog._entry.exceptions import exception_meta
from runlog._entry.meta import add_fields, merge_meta
from runlog._entry.texts import repr_of, text_of
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices
from runlog._process.voice import speaking

TRAVELLING = "_runlog"
"""The attribute in which a pickled record takes along what is known of its call."""

_MOST_SHAPES = 1024

# What logging sets itself, the formatters of other handlers, and we.
_NO_EXTRAS = frozenset(
    {*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "message", "asctime", TRAVELLING}
)

_shapes: dict[tuple[str, ...], tuple[str, ...]] = {}

PLAIN_SHAPES = frozenset({(), ("step",), ("meta",), ("step", "meta"), ("meta", "step")})
"""The extras of a record that says no more than its step and its meta."""

Fields: TypeAlias = tuple[object, object, Any, str | None]
"""What a record says beside its time and level: step, message, meta, logger.

Meta may be the caller's own dict and is not to be changed; logger is the name that meta is to tell
and does not yet. A tuple without names, for one is made for every record.
"""


def read_fields(record: logging.LogRecord, at_call: Fields | None = None) -> Fields:
    """Return what ``record`` says; the step is the one that it names itself, or None.

    Args:
        record: as a handler gets it.
        at_call: what it said when it was copied for a queue; counts where the copy's message and
            exception have been overwritten.
    """
    fields = record.__dict__
    step, meta = fields.get("step"), fields.get("meta")
    shape = tuple(fields)
    try:
        if (
            (_shapes.get(shape) or extra_names(shape)) not in PLAIN_SHAPES
            or at_call is not None
            or record.exc_info
            or record.exc_text
            or record.stack_info
            or (meta is not None and type(meta) is not dict)
        ):
            return _read_closely(record, at_call)
        message = record.getMessage() if record.args or _words_it_itself(record) else record.msg
        name = record.name
        logger = None if name == "root" else name
    except Exception as error:
        if is_interrupt(error):
            raise
        return _read_closely(_sound(record), at_call)
    return step, message, meta, logger


def _sound(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record that says what ``record`` says, with attributes of logging's own kinds.

    Programs make records by hand, and filters set attributes: what is there may be missing, or
    may raise when it is compared or asked whether it is true.
    """
    fields = record.__dict__
    sound = logging.LogRecord("", 0, "", 0, fields.get("msg", ""), None, None)
    for name, kind in _KINDS.items():
        value = fields.get(name)
        sound.__dict__[name] = value if value is None or type(value) is kind else text_of(value)
    sound.name = sound.name or "root"
    args, exc_info = fields.get("args", ()), fields.get("exc_info")
    sound.args = args if type(args) in {tuple, dict} else (args,)
    if issubclass(type(exc_info), (tuple, BaseException)):
        sound.exc_info = exc_info
    for name in extra_names(tuple(fields)):
        sound.__dict__[name] = fields[name]
    try:
        sound.msg, sound.args = record.getMessage(), None
    except Exception as error:
        if is_interrupt(error):
            raise
    return sound


_KINDS = {"name": str, "pathname": str, "lineno": int, "exc_text": str, "stack_info": str}
"""Of the attributes of a record that are read here."""


def _read_closely(record: logging.LogRecord, at_call: Fields | None) -> Fields:
    extras = extras_of(record)
    if at_call is not None and not _was_overwritten(record):
        at_call = None
    if "_name" in extras and (at_call or type(record.msg) is dict):
        return at_call or _read_wrapped(record, extras)
    step = extras.pop("step", None)
    if at_call is not None:
        _, message, told, _ = at_call
        meta = add_fields(merge_meta(extras.pop("meta", None), extras), told)
        return step, message, meta, None
    meta = _meta(record, extras)
    return step, _message(record, meta), meta, None


def read_what_queues_drop(record: logging.LogRecord) -> Fields:
    """Return what ``QueueHandler.prepare`` overwrites in a copy of ``record``."""
    extras = extras_of(record)
    if "_name" in extras and type(record.msg) is dict:
        return _read_wrapped(record, extras)
    try:
        meta = _meta(record, {})
        message = _message(record, meta)
    except Exception as error:
        if is_interrupt(error):
            raise
        record = _sound(record)
        meta = _meta(record, {})
        message = _message(record, meta)
    return None, text_of(message), meta, None


def extras_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what the call, filters and factories added to ``record``."""
    fields = record.__dict__
    return {name: fields[name] for name in extra_names(tuple(fields))}


def extra_names(shape: tuple[str, ...]) -> tuple[str, ...]:
    """Return which attributes of a record are extras, by the names of all; remembered.

    By name and not by place: filters take attributes away, classes and factories set some before
    those of logging, and who makes a record of a dict may do it in any order.
    """
    known = _shapes.get(shape)
    if known is None:
        known = tuple(name for name in shape if name not in _NO_EXTRAS)
        if len(_shapes) >= _MOST_SHAPES:
            _shapes.clear()
        _shapes[shape] = known
    return known


def _read_wrapped(record: logging.LogRecord, extras: dict[str, Any]) -> Fields:
    """Return what an event of structlog says that ``wrap_for_formatter`` handed on."""
    event: Any = record.msg
    read = read_event(event, extras["_name"], record.name, record.created)
    return read[2:]


def _words_it_itself(record: logging.LogRecord) -> bool:
    """Tell whether a class or a filter of the program's says how a message is made."""
    return type(record).getMessage is not _PLAIN_MESSAGE or "getMessage" in record.__dict__


_PLAIN_MESSAGE = logging.LogRecord.getMessage


def _was_overwritten(record: logging.LogRecord) -> bool:
    # What QueueHandler.prepare leaves behind. A filter that changed the message since then, or a
    # copy made for another reason, does not look like this, and says what it says.
    return (
        record.args is None
        and record.exc_info is None
        and record.__dict__.get("message") is record.msg
    )


OWN_THREADS = "runlog-"
"""What the names of our threads begin with, and those of our pool."""


def is_own_noise(name: object, thread_name: object) -> bool:
    """Tell whether a record comes from the shipping itself, which it would feed.

    By the thread, for the program may use psycopg too, and loggers that are called like it. Or it
    is what runlog just says, logged by a stderr of the program's own.
    """
    if threading.get_ident() in speaking:
        return True
    if type(thread_name) is not str:
        # logging.logThreads is off, or somebody put something else there.
        thread_name = threading.current_thread().name
    return (
        thread_name.startswith(OWN_THREADS)
        and type(name) is str
        and name.startswith(("psycopg", "runlog"))
    )


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
    if not record.args and not _words_it_itself(record):
        return record.msg
    try:
        return record.getMessage()
    except Exception as error:
        if is_interrupt(error):
            raise
        if record.args:
            meta.setdefault("args", record.args)
        meta.setdefault("format_error", repr_of(error))
        fields = record.__dict__
        place = f"{text_of(fields.get('pathname'))}:{text_of(fields.get('lineno'))}"
        told = f"a message could not be formatted, stored raw: {place}"
        notices.explain("format", "some", place, told)
        return record.msg
