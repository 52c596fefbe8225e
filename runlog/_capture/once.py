"""The structlog event that is on its way to its logger on this thread, and is stored already.

``RunLogProcessor`` leaves a mark here; when the wrapped logger is one of the standard library's,
the LogRecord it then makes is that very event. Runs on the caller's thread; must not block and
must not raise.

A record belongs to the event when it is made below the frame that ran the chain, through nothing
but methods of the logger: what a later processor, a filter or a signal handler logs in between is
a record of its own.
"""

# ruff: noqa: SLF001 - sys._getframe is the documented way to the frames

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import logging
    from types import CodeType, FrameType

_CHAIN = "_process_event"

_ENTRANCES = frozenset({"makeRecord", "callHandlers", "call_handlers"})

_NEAR = 16


class _Mark(NamedTuple):
    """An event that was stored, and how to recognise its record.

    The frame by its number: a reference would keep the caller's variables alive.
    """

    claims: Claims
    frame: int
    code: CodeType
    logger: type


class _Current(threading.local):
    event: _Mark | None = None


current = _Current()

is_used = False
"""Whether any event was ever announced; a cheaper question than for a thread's own mark."""


def announce(claims: Claims, logger: object) -> None:
    """Note that the event of the chain that runs here is stored, on its way to ``logger``."""
    global is_used  # noqa: PLW0603 - set once, and never back
    is_used = True
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_NEAR):
        if frame is None:
            break
        if frame.f_code.co_name == _CHAIN and frame.f_back is not None:
            runner = frame.f_back
            current.event = _Mark(claims, id(runner), runner.f_code, type(logger))
            return
        frame = frame.f_back
    current.event = None


def forget() -> None:
    """Note that the event of the chain that runs here is not stored."""
    current.event = None


def claims_of_call() -> list[Claims] | None:
    """Return who has stored the record that is being made or handled here; None for nobody."""
    mark = current.event
    if mark is None:
        return None
    frame = _below_logging()
    is_direct = True
    while frame is not None:
        if id(frame) == mark.frame and frame.f_code is mark.code:
            if not is_direct:
                return None
            current.event = None
            return [mark.claims]
        is_direct = is_direct and hasattr(mark.logger, frame.f_code.co_name)
        frame = frame.f_back
    # The event was dropped on its way; this record is another call's.
    current.event = None
    return None


def _below_logging() -> FrameType | None:
    """Return the frame that called the logging machinery in which a record is being handled."""
    start: FrameType | None = sys._getframe(1)
    frame = start
    for _ in range(_NEAR):
        if frame is None:
            break
        if frame.f_code.co_name in _ENTRANCES:
            return frame.f_back
        frame = frame.f_back
    return start


# CPython has one object for each text of at most one letter, so there can be no other.
_SHORTEST_MARKED = 2

_MOST_MARKS = 4096


class Claims:
    """The claims of one recorder."""

    __slots__ = ("mark", "plain")

    def __init__(self) -> None:
        self.plain: object = self
        """The name of this process as unmarked records have it."""
        self.mark = ""
        """What replaces it."""

    def take(self, record: logging.LogRecord) -> bool:
        """Note that ``record`` is stored; False when it was already, it or what it is a copy of."""
        name = record.processName
        if name is self.mark:
            return False
        if type(name) is not str or len(name) < _SHORTEST_MARKED:
            return self._take_by_table(record)
        holders = _holders_of(name)
        if self in holders:
            return False
        mark = _marks.get((name, holders, self))
        if mark is None:
            if len(_marks) >= _MOST_MARKS:
                # A program that makes up names without end; marks on live records are forgotten.
                _marks.clear()
                _holders.clear()
            mark = _marks[name, holders, self] = f"{name[:1]}{name[1:]}"
            _holders[id(mark)] = (mark, (*holders, self))
        record.processName = mark
        if not holders:
            self.plain, self.mark = name, mark
        return True

    def _take_by_table(self, record: logging.LogRecord) -> bool:
        key = id(record)
        known = _unmarked.get(key)
        if known is None or known[0]() is not record:
            reference = weakref.ref(record, lambda _: _unmarked.pop(key, None))
            known = _unmarked[key] = (reference, [])
        if self in known[1]:
            return False
        known[1].append(self)
        return True


_marks: dict[tuple[str, tuple[Claims, ...], Claims], str] = {}

_holders: dict[int, tuple[str, tuple[Claims, ...]]] = {}

_unmarked: dict[int, tuple[weakref.ref[logging.LogRecord], list[Claims]]] = {}


def holders_of(record: logging.LogRecord) -> tuple[Claims, ...]:
    """Return whose claim ``record`` is already."""
    unmarked = _unmarked.get(id(record))
    if unmarked is not None and unmarked[0]() is record:
        return tuple(unmarked[1])
    name = record.processName
    return _holders_of(name) if name is not None else ()


def _holders_of(name: str) -> tuple[Claims, ...]:
    found = _holders.get(id(name))
    return found[1] if found is not None and found[0] is name else ()


_of_recorder: weakref.WeakKeyDictionary[object, Claims] = weakref.WeakKeyDictionary()


def claims_of(recorder: object) -> Claims:
    """Return the claims of ``recorder``: the same for all its handlers and processors."""
    claims = _of_recorder.get(recorder)
    return _of_recorder.setdefault(recorder, Claims()) if claims is None else claims
