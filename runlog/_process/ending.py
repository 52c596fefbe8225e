"""How a run ends: exceptions and exit codes, as the row in ``runs`` tells them.

Lives here: Ending, and what becomes one. Not here: signals (``signals``) and how the process
itself ends (``main_program``). The table in docs/reference/endings.md shows all of it.
Pure; never raises.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._process.interrupts import is_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable


class Ending(NamedTuple):
    """The final state of a run."""

    status: str
    """``success`` or ``error``."""
    outcome: str
    """Details: finished, exited, failed, interrupted, cancelled, terminated, killed, abandoned"""
    error_message: str | None = None
    error: BaseException | None = None


FINISHED = Ending("success", "finished")
ABANDONED = Ending("error", "abandoned", "the process ended while the run was still open")


_MOST_LEAVES = 100
_SHOWN_LEAVES = 3


def ending_of(error: BaseException | None) -> Ending:
    """Return how a run ends that ``error`` leaves; None: it fell off the end."""
    if error is None:
        return FINISHED
    # By its type: what an object says of its class is code of the program's.
    kind = type(error)
    if issubclass(kind, SystemExit):
        return exited(code_of(error), error)
    if issubclass(kind, GeneratorExit):
        # The caller wants no more of a generator: that is its right, and no failure.
        return FINISHED
    name = kind.__qualname__
    is_cancelled = name == "CancelledError"
    if issubclass(kind, KeyboardInterrupt) or (is_cancelled and _is_by_ctrl_c()):
        return Ending("error", "interrupted", "KeyboardInterrupt", error)
    outcome = "cancelled" if is_cancelled else "failed"
    return Ending("error", outcome, _described(name, error), error)


def code_of(error: BaseException) -> object:
    """Return the code of a SystemExit."""
    try:
        return error.code  # type: ignore[attr-defined] # of a SystemExit
    except Exception as failure:
        if is_interrupt(failure):
            raise
        # A class of the program's has a property in its place.
        return vars(SystemExit)["code"].__get__(error)


def failed(message: object) -> Ending:
    """Return how a run ends that its script calls failed, because of ``message``."""
    return Ending("error", "failed", _described("", Exception(message)) or "failed")


def exited(code: object, error: BaseException | None = None) -> Ending:
    """Return how a run ends by ``sys.exit(code)``."""
    # By its type, and by int's own method: an object's class, equality and number are its own code.
    number = int.__index__(code) if issubclass(type(code), int) else None  # type: ignore[arg-type]
    if code is None or number == 0:
        return Ending("success", "exited")
    if number is not None:
        # Python refuses to print thousands of digits.
        shown = number if number.bit_length() <= _LONGEST_CODE_BITS else "beyond 64 bits"
        return Ending("error", "exited", f"exit code {shown}", error)
    return Ending("error", "exited", _described("", SystemExit(code)), error)


_LONGEST_CODE_BITS = 64


def terminated(signum: int) -> Ending:
    """Return how a run ends by a signal that asks the process to end."""
    return Ending("error", "terminated", f"terminated by {signal_name(signum)}")


def signal_name(signum: int) -> str:
    """Return ``SIGTERM`` for 15, and ``signal 99`` for what has no name."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"


def _is_by_ctrl_c() -> bool:
    """Tell whether a task is cancelled because of Ctrl-C.

    ``asyncio.run`` answers SIGINT by cancelling the main task and raises KeyboardInterrupt when
    that is done. Its runner counts the signals, which only its handler leads to.
    """
    handler = signal.getsignal(signal.SIGINT)
    runner = getattr(getattr(handler, "func", None), "__self__", None)
    count = getattr(runner, "_interrupt_count", 0)
    return isinstance(count, int) and count > 0


def _described(name: str, error: BaseException) -> str:
    try:
        # Of a text's class nothing else is called.
        text = str.__str__(str(error))
    except Exception as failure:
        if is_interrupt(failure):
            raise
        text = f"<its text cannot be had: {type(failure).__qualname__}>"
    if issubclass(type(error), BaseExceptionGroup):
        text = f"{text}: {_told_of_group(error)}"  # type: ignore[arg-type] # as just asked
    return f"{name}: {text}" if name and text else name or text


def _told_of_group(group: BaseExceptionGroup[BaseException]) -> str:
    """Return what the errors in ``group`` say, the first of them; a TaskGroup's says only how many.

    Without it all failures of a program that is one TaskGroup would look the same.
    """
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting and len(leaves) <= _MOST_LEAVES:
        error = waiting.pop()
        if issubclass(type(error), BaseExceptionGroup):
            waiting += reversed(error.exceptions)  # type: ignore[attr-defined] # of a group
        else:
            leaves.append(error)
    told = "; ".join(_described(type(leaf).__qualname__, leaf) for leaf in leaves[:_SHOWN_LEAVES])
    more = len(leaves) - _SHOWN_LEAVES
    return f"{told}; and more" if more > 0 or waiting else told


def describe_error(
    ending: Ending, exception_meta: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """Return ``error``, ``error_type`` and ``stack`` for the ERROR entry of ``ending``."""
    error = ending.error
    if error is None:
        return {"error": ending.error_message, "outcome": ending.outcome}
    meta = exception_meta((type(error), error, error.__traceback__))
    return {**meta, "outcome": ending.outcome}
