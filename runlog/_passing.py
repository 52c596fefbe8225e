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
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from ._claims import Claims

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
