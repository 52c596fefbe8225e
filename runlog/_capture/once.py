"""The structlog event that is on its way to its logger on this thread, and is stored already.

``RunLogProcessor`` leaves a mark here; when the wrapped logger is one of the standard library's,
the LogRecord it then makes is that very event. Runs on the caller's thread; must not block and
must not raise.

A record belongs to the event when it is the first one made below the frame that ran the chain,
after the chain has returned, and not within the handling of another: what a later processor, a
filter or a signal handler logs in between is a record of its own. Whoever has wrapped methods of
the logger in between (tracers do) changes nothing.
"""

# ruff: noqa: SLF001 - sys._getframe is the documented way to the frames

from __future__ import annotations

import logging
import sys
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

from runlog._process.interrupts import is_interrupt, is_signal_handler
from runlog._process.state import process

if TYPE_CHECKING:
    from types import CodeType, FrameType

# structlog documents it for subclasses of its loggers.
_CHAIN = "_process_event"

_NEAR = 16

# Of these modules no frame is looked at closely: they log nothing of their own in between.
_QUIET = frozenset({"logging", "structlog", __name__.partition(".")[0]})


class _Mark(NamedTuple):
    """An event that was stored, and how to recognise its record.

    The frame by its number: a reference would keep the caller's variables alive.
    """

    claims: Claims
    frame: int
    code: CodeType
    name: object
    """Of the wrapped logger, where it has one."""


class _Current(threading.local):
    event: _Mark | None = None


current = _Current()


class Marks:
    """Who has stored which record of this process."""

    def __init__(self) -> None:
        self.is_used = False
        """Whether any event was ever announced; cheaper to ask than for a thread's own mark."""
        self.made: dict[tuple[str, tuple[Claims, ...], Claims], str] = {}
        self.holders: dict[int, tuple[str, tuple[Claims, ...]]] = {}
        self.unmarked: dict[int, tuple[weakref.ref[logging.LogRecord], list[Claims]]] = {}


marks = process.part(Marks)


def announce(claims: Claims, logger: object) -> None:
    """Note that the event of the chain that runs here is stored, on its way to ``logger``."""
    marks.is_used = True
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_NEAR):
        if frame is None:
            break
        # A subclass may run its parent's chain: the outermost is the one that returns.
        caller = frame.f_back
        if frame.f_code.co_name == _CHAIN and caller and caller.f_code.co_name != _CHAIN:
            current.event = _Mark(claims, id(caller), caller.f_code, name_of(logger))
            return
        frame = caller
    current.event = None


def name_of(logger: object) -> object:
    """Return the name of a wrapped logger; None where it has none, or a property that raises."""
    try:
        return getattr(logger, "name", None)
    except Exception as error:
        if is_interrupt(error):
            raise
        return None


def forget() -> None:
    """Note that the event of the chain that runs here is not stored."""
    current.event = None


def claims_of_call(record: logging.LogRecord) -> list[Claims] | None:
    """Return who has stored ``record`` as an event; None for nobody."""
    mark = current.event
    if mark is None:
        return None
    frame: FrameType | None = sys._getframe(1)
    called: FrameType | None = None
    making: FrameType | None = None
    is_own = True
    while frame is not None:
        if id(frame) == mark.frame and frame.f_code is mark.code:
            is_running = called is not None and called.f_code.co_name == _CHAIN
            if is_running or not is_own or not _may_be(mark, record, making):
                return None
            current.event = None
            return [mark.claims]
        if frame.f_code is _LOG:
            making = frame
        is_own = is_own and not _is_elsewhere(frame)
        called, frame = frame, frame.f_back
    # The event was dropped on its way; this record is another call's.
    current.event = None
    return None


_LOG = logging.Logger._log.__code__


def _may_be(mark: _Mark, record: logging.LogRecord, making: FrameType | None) -> bool:
    """Tell whether ``record`` can be the event's own, which ``making``, if anything, has made."""
    if type(mark.name) is str and record.name != mark.name:
        return False
    made = making.f_locals.get("record") if making is not None else None
    # Another one is made while that one is handled. A filter may have put a copy in its place.
    return not isinstance(made, logging.LogRecord) or made.created == record.created


def _is_elsewhere(frame: FrameType) -> bool:
    """Tell whether ``frame`` interrupts what the program does: it logs records of its own."""
    if str(frame.f_globals.get("__name__")).partition(".")[0] in _QUIET:
        return False
    return frame.f_code.co_name == "__del__" or is_signal_handler(frame)


# CPython has one object for each text of at most one letter, so there can be no other.
_SHORTEST_MARKED = 2

_MOST_MARKS = 4096


class Claims:
    """The claims of one recorder.

    Also where it has one handler only: that one may be attached to a logger and to one above it, or
    hear of a record again from a queue, and another may come while the record waits. A claim costs
    600 instructions, 0.4 % of a warm call (callgrind, with and without).
    """

    __slots__ = ("mark", "plain")

    def __init__(self) -> None:
        self.plain: object = self
        """The name of this process as unmarked records have it."""
        self.mark: object = self
        """What replaces it."""

    def take(self, record: logging.LogRecord) -> bool:
        """Note that ``record`` is stored; False when it was already, it or what it is a copy of."""
        name = record.__dict__.get("processName")
        if name is self.mark:
            return False
        if type(name) is not str or len(name) < _SHORTEST_MARKED:
            return self._take_by_table(record)
        holders = _holders_of(name)
        if self in holders:
            return False
        mark = marks.made.get((name, holders, self))
        if mark is None:
            if len(marks.made) >= _MOST_MARKS:
                # A program that makes up names without end; marks on live records are forgotten.
                marks.made.clear()
                marks.holders.clear()
            mark = f"{name[:1]}{name[1:]}"
            # Before anybody can find it: a signal handler may end this call at any line.
            marks.holders[id(mark)] = (mark, (*holders, self))
            marks.made[name, holders, self] = mark
        record.processName = mark
        if not holders:
            self.plain, self.mark = name, mark
        return True

    def _take_by_table(self, record: logging.LogRecord) -> bool:
        key = id(record)
        known = marks.unmarked.get(key)
        if known is None or known[0]() is not record:
            unmarked = marks.unmarked
            reference = weakref.ref(record, lambda _: unmarked.pop(key, None))
            known = unmarked[key] = (reference, [])
        if self in known[1]:
            return False
        known[1].append(self)
        return True


def holders_of(record: logging.LogRecord) -> tuple[Claims, ...]:
    """Return whose claim ``record`` is already."""
    unmarked = marks.unmarked.get(id(record))
    if unmarked is not None and unmarked[0]() is record:
        return tuple(unmarked[1])
    name = record.__dict__.get("processName")
    return _holders_of(name) if name is not None else ()


def _holders_of(name: str) -> tuple[Claims, ...]:
    found = marks.holders.get(id(name))
    return found[1] if found is not None and found[0] is name else ()


_of_recorder: weakref.WeakKeyDictionary[object, Claims] = weakref.WeakKeyDictionary()


def claims_of(recorder: object) -> Claims:
    """Return the claims of ``recorder``: the same for all its handlers and processors."""
    claims = _of_recorder.get(recorder)
    return _of_recorder.setdefault(recorder, Claims()) if claims is None else claims
