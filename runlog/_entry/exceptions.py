"""Exceptions → the fields ``error``, ``error_type`` and ``stack`` of meta.

Lives here: the text of a traceback with its chain and groups, within bounds. Not here: redaction,
which happens when meta is encoded. Runs on the caller's thread; never raises.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from runlog._entry.texts import qualified_name, shorten, text_of, unrepresentable
from runlog._process.interrupts import is_interrupt

_MAX_STACK = 65_536
_MAX_ERROR = 16_384
# More frames than this are not formatted one by one: an endless recursion has them by the million.
_MAX_FRAMES = 1000
_SHOWN_FRAMES = 200


def exception_meta(exc_info: object) -> dict[str, Any]:
    """Return the fields that tell an exception, or none when there is no exception.

    Args:
        exc_info: what logging and structlog take: an exception, a tuple as ``sys.exc_info()``
            gives it, or True for the exception being handled.
    """
    error, traceback = _find_error(exc_info)
    if error is None:
        return {}
    return {
        "error": shorten(text_of(error), _MAX_ERROR),
        "error_type": qualified_name(type(error)),
        "stack": _stack_of(error, traceback),
    }


def _find_error(exc_info: object) -> tuple[BaseException | None, TracebackType | None]:
    if isinstance(exc_info, BaseException):
        return exc_info, exc_info.__traceback__
    if exc_info is True:
        exc_info = sys.exc_info()
    if not isinstance(exc_info, tuple) or len(exc_info) != 3:  # noqa: PLR2004 - sys.exc_info()
        return None, None
    _, error, traceback = exc_info
    if not isinstance(error, BaseException):
        return None, None
    return error, traceback if isinstance(traceback, TracebackType) else error.__traceback__


def _stack_of(error: BaseException, traceback: TracebackType | None) -> str:
    try:
        from traceback import TracebackException

        # A negative limit keeps the innermost frames, where it happened.
        limit = -_SHOWN_FRAMES if _is_deep(traceback) else None
        told = TracebackException(type(error), error, traceback, limit=limit, compact=True)
        stack = "".join(told.format()).rstrip("\n")
    except Exception as failure:
        if is_interrupt(failure):
            raise
        return unrepresentable(error, "formatting the traceback", failure)
    return shorten(stack, _MAX_STACK)


def _is_deep(traceback: TracebackType | None) -> bool:
    frames = 0
    while traceback is not None and frames <= _MAX_FRAMES:
        traceback = traceback.tb_next
        frames += 1
    return frames > _MAX_FRAMES
