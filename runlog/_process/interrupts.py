"""Exceptions from outside: what a signal handler of the program raises while our code runs.

A timeout (SIGALRM, Celery's soft time limit) may strike in any line, also in ours and in those
that look after odd objects. It is meant for the program, so whoever swallows errors on a thread of
the program asks here first. Runs on the caller's thread; raises only near the recursion limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType

# inspect.CO_VARARGS, whose import takes milliseconds.
_VARIADIC = 0x04
_PACKAGE = __name__.partition(".")[0]


def is_interrupt(error: BaseException) -> bool:
    """Tell whether ``error`` came into the code that it left, and is not that code's own.

    True for what a signal handler raised, wherever it struck, and for an exception that another
    thread has set (``PyThreadState_SetAsyncExc``) while a line of this package ran.
    """
    traceback: TracebackType | None = error.__traceback__
    last = None
    while traceback is not None:
        last = traceback.tb_frame
        if is_signal_handler(last):
            return True
        traceback = traceback.tb_next
    return last is not None and _was_set_from_elsewhere(error, last)


def is_signal_handler(frame: FrameType) -> bool:
    """Tell whether ``frame`` is the call of a handler: only these are given their caller's frame.

    By what it was given and not by what is installed: a handler may have removed itself.
    """
    code, caller = frame.f_code, frame.f_back
    is_variadic = bool(code.co_flags & _VARIADIC)
    count = code.co_argcount + code.co_kwonlyargcount + is_variadic
    if caller is None or not count:
        return False
    given = frame.f_locals
    values = [given.get(name) for name in code.co_varnames[:count]]
    rest = values[-1] if is_variadic else ()
    return any(value is caller for value in values) or (
        type(rest) is tuple and any(value is caller for value in rest)
    )


def _was_set_from_elsewhere(error: BaseException, last: FrameType) -> bool:
    # Such an exception is made of its class alone. No line here raises a class of the program's,
    # and what its objects raise when asked has a frame of their own.
    kind = type(error).__module__
    return (
        not error.args
        and kind not in {"builtins", "orjson"}
        and kind.partition(".")[0] != _PACKAGE
        and str(last.f_globals.get("__name__")).partition(".")[0] == _PACKAGE
    )
