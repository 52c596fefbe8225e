"""structlog's event_dict → the fields of an entry; the same as a LogRecord of the same call.

Lives here: which keys of an event mean what. Not here: the processor (``processor``), and what
becomes of the values (``_entry``). Never changes the event. Runs on the caller's thread; must not
block.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from runlog._entry.exceptions import exception_meta
from runlog._entry.levels import INFO, NAMED_LEVELS, level_of
from runlog._entry.meta import add_fields, as_dict, merge_meta
from runlog._entry.texts import repr_of, text_of
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices

# Frames of these are no part of the program. By module and not by file: a frozen program's files
# have other names, and no folder.
_MACHINERY = frozenset({__name__.partition(".")[0], "structlog"})

if TYPE_CHECKING:
    from types import FrameType

# Keys that most events have not.
_RARE = frozenset(
    {"exc_info", "exception", "stack", "stack_info", "positional_args", "level_number"}
)

NOT_PLAIN = _RARE | {"meta", "logger", "_record"}
"""An event with one of these keys says more than message, step and the fields of its meta."""

_RENAMED = ("message", "msg")
"""What the event is usually renamed to, for log services that want it so."""

_STACK_TITLE = "Stack (most recent call last):"

_GROUP_EDGE = "  | "

# A timestamp that a processor of the same chain made is the entry's own, a moment earlier.
_SAME_MOMENT_SECONDS = 1.0

Event: TypeAlias = tuple[int, str, object, object, dict[str, Any], str | None]
"""What an event says: levelno, levelname, step, message, meta, and the name of the logger where
meta is to tell it and does not yet. A tuple without names, for one is made for every event."""


def read_event(
    event: Mapping[str, Any], method_name: str, logger_name: str | None, now: float
) -> Event:
    """Return what ``event`` says.

    Args:
        event: an event_dict, after any number of processors; it stays as it is.
        method_name: how the logger was called; the level unless the event names one.
        logger_name: of the wrapped logger; None when it has none.
        now: seconds since 1970; a timestamp of this moment is the entry's own.
    """
    try:
        return _read(event, method_name, logger_name, now)
    except Exception as error:
        if is_interrupt(error):
            raise
        # A value raises when it is compared, or asked whether it is true: no key has its meaning.
        fields = as_dict(event)
        level = NAMED_LEVELS.get(method_name) if type(method_name) is str else None
        message, step = fields.pop("event", ""), fields.pop("step", None)
        return (*(level or (INFO, "INFO")), step, message, fields, None)


def _read(event: Mapping[str, Any], method_name: str, logger_name: str | None, now: float) -> Event:
    fields = dict(event)
    named = fields.get("level", method_name)
    level = NAMED_LEVELS.get(method_name) if type(named) is str and named == method_name else None
    if level is None:
        level = _take_level(fields, method_name)
    else:
        fields.pop("level", None)
    if "event" not in fields:
        _take_renamed(fields)
    added: dict[str, Any] = {}
    if _RARE.isdisjoint(fields):
        message = fields.pop("event", "")
    else:
        if fields.get("level_number") == level[0]:
            del fields["level_number"]
        added = _take_exception(fields)
        _take_stack(fields, added)
        message = _take_message(fields, added)
    if "timestamp" in fields and is_now(fields["timestamp"], now):
        del fields["timestamp"]
    if logger_name and fields.get("logger", logger_name) == logger_name:
        fields.pop("logger", None)
    else:
        logger_name = None
    step = fields.pop("step", None)
    if "meta" in fields:
        fields = merge_meta(fields.pop("meta"), fields)
    meta = add_fields(fields, added) if added else fields
    return (*level, step, message, meta, None if logger_name == "root" else logger_name)


def _take_level(fields: dict[str, Any], method_name: str) -> tuple[int, str]:
    named = level_of(fields.get("level"))
    if named is None:
        return level_of(method_name) or (INFO, text_of(method_name).upper())
    del fields["level"]
    return named


def _take_renamed(fields: dict[str, Any]) -> None:
    """Put the event back where an ``EventRenamer`` before this has taken it from."""
    for name in _RENAMED:
        if name in fields:
            fields["event"] = fields.pop(name)
            return


def _take_exception(fields: dict[str, Any]) -> dict[str, Any]:
    exc_info = fields.pop("exc_info", None)
    if exc_info:
        if not isinstance(exc_info, (tuple, BaseException)):
            exc_info = True
        if found := exception_meta(exc_info):
            return found
    formatted = fields.get("exception")
    if isinstance(formatted, str):
        del fields["exception"]
        return {**_describe(formatted), "stack": formatted}
    if isinstance(formatted, list) and formatted and isinstance(formatted[-1], dict):
        return _describe_frames(formatted[0])
    return {}


def _describe(stack: str) -> dict[str, Any]:
    """Return error and error_type of a traceback that was formatted before the event came here."""
    being_handled = sys.exc_info()[1]
    if being_handled is not None:
        found = exception_meta(being_handled)
        if f"{found['error_type'].rpartition('.')[2]}" in stack and found["error"] in stack:
            del found["stack"]
            return found
    # The last line that is not indented; of a group the last one behind its outermost bar.
    edge = _GROUP_EDGE if stack.lstrip(" ").startswith("+ Exception Group") else ""
    ends = (line for line in reversed(stack.splitlines()) if line.startswith(edge))
    last = next((line.removeprefix(edge) for line in ends if line[len(edge) :][:1].strip()), "")
    name, _, text = last.partition(": ")
    if not name.replace(".", "").replace("_", "").isalnum():
        return {"error": last}
    return {"error": text, "error_type": name}


def _describe_frames(told: dict[str, Any]) -> dict[str, Any]:
    """Return error and error_type of what structlog's ExceptionDictTransformer made."""
    pairs = {"error": "exc_value", "error_type": "exc_type"}
    return {name: told[key] for name, key in pairs.items() if key in told}


def _take_stack(fields: dict[str, Any], added: dict[str, Any]) -> None:
    rendered = fields.get("stack")
    if isinstance(rendered, str) and rendered.startswith(_STACK_TITLE):
        added["stack_info"] = fields.pop("stack")
    elif isinstance(rendered := fields.get("stack_info"), str):
        added["stack_info"] = fields.pop("stack_info")
    elif fields.pop("stack_info", None):
        import traceback

        frames = [it for it in traceback.walk_stack(None) if not _is_machinery(it[0])]
        shown = traceback.StackSummary.extract(iter(reversed(frames)))
        added["stack_info"] = f"{_STACK_TITLE}\n{''.join(shown.format())}".rstrip()


def _is_machinery(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _MACHINERY


def _take_message(fields: dict[str, Any], added: dict[str, Any]) -> object:
    event = fields.pop("event", "")
    args = fields.pop("positional_args", ())
    if not args or not isinstance(event, str) or "%" not in event:
        return event
    # As logging does: one mapping is for %(name)s.
    try:
        values = args[0] if len(args) == 1 and isinstance(args[0], Mapping) and args[0] else args
        return event % values
    except Exception as error:
        if is_interrupt(error):
            raise
        added["args"] = args
        added["format_error"] = repr_of(error)
        shown = repr_of(event)
        told = f"a message could not be formatted, stored raw: {shown}"
        notices.explain("format", "some", shown, told)
        return event


def is_now(stamp: object, now: float) -> bool:
    """Tell whether ``stamp`` is this very moment: then it is the entry's own, and no field."""
    global _this_second  # noqa: PLW0603 - one tuple, replaced as a whole
    second, text = _this_second
    if type(stamp) is str and stamp[:19] == text and stamp[-1] == "Z" and 0 <= now - second < 1:
        # As structlog's TimeStamper writes it; parsing takes longer than all the rest here.
        return True
    if not any(abs(moment - now) <= _SAME_MOMENT_SECONDS for moment in _moments(stamp)):
        return False
    _this_second = (now // 1, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)))
    return True


_this_second = (0.0, "none yet")


def _moments(stamp: object) -> list[float]:
    """Return the seconds since 1970 that ``stamp`` may mean; without a zone UTC and local time."""
    try:
        if isinstance(stamp, (int, float)):
            return [float(stamp)]
        told = datetime.fromisoformat(stamp) if isinstance(stamp, str) else stamp
        if not isinstance(told, datetime):
            return []
        zones = [told.tzinfo] if told.tzinfo else [UTC, None]
        return [told.replace(tzinfo=zone).timestamp() for zone in zones]
    except Exception as error:
        if is_interrupt(error):
            raise
        # Out of the range of either, or a zone that cannot tell its offset.
        return []
