"""How a run ends: exceptions, exit codes and signals, as the row in ``runs`` tells them.

The table in docs/reference/endings.md is what ``ending_of`` does. Signals: a run of the main thread
that would die by SIGTERM or SIGHUP records that first, then dies by the same signal. A handler of
the user's is never replaced; a second signal ends the process at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass(frozen=True, slots=True)
class Ending:
    """The final state of a run."""

    status: str
    """``success`` or ``error``."""
    outcome: str
    """In detail: finished, exited, failed, interrupted, cancelled, terminated."""
    error_message: str | None = None
    error: BaseException | None = None


FINISHED = Ending("success", "finished")


def ending_of(error: BaseException | None) -> Ending:
    """Return how a run ends that ``error`` leaves; None: it fell off the end."""
    if error is None:
        return FINISHED
    if isinstance(error, SystemExit):
        return exited(error.code, error)
    if isinstance(error, KeyboardInterrupt):
        return Ending("error", "interrupted", "KeyboardInterrupt", error)
    if isinstance(error, GeneratorExit):
        # The caller wants no more of a generator: that is its right, and no failure.
        return FINISHED
    name = type(error).__qualname__
    if name == "CancelledError":
        return Ending("error", "cancelled", _described(name, error), error)
    return Ending("error", "failed", _described(name, error), error)


def exited(code: object, error: BaseException | None = None) -> Ending:
    """Return how a run ends by ``sys.exit(code)``."""
    if code is None or (isinstance(code, int) and code == 0):
        return Ending("success", "exited")
    if isinstance(code, int):
        return Ending("error", "exited", f"exit code {int(code)}", error)
    return Ending("error", "exited", _described("", SystemExit(code)), error)


def terminated(signum: int) -> Ending:
    """Return how a run ends by a signal."""
    return Ending("error", "terminated", f"terminated by {signal.Signals(signum).name}")


def _described(name: str, error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as failure:
        text = f"<its text cannot be had: {type(failure).__qualname__}>"
    return f"{name}: {text}" if name and text else name or text


class SignalWatch:
    """Records the end of the process by SIGTERM or SIGHUP, then lets it die by that signal."""

    SIGNALS = tuple(
        getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
    )

    def __init__(self, on_signal: Callable[[Ending], None]) -> None:
        """Call ``on_signal`` in the main thread, between two bytecodes, when a signal comes."""
        self._on_signal = on_signal
        self._watched: set[int] = set()

    def start(self) -> None:
        """Watch the signals that would end the process now; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            return
        for signum in self.SIGNALS:
            # Ignored (nohup) or handled by the user: theirs to decide.
            if signal.getsignal(signum) is signal.SIG_DFL:
                with contextlib.suppress(ValueError, OSError):
                    signal.signal(signum, self._handle)
                    self._watched.add(signum)

    def stop(self) -> None:
        """Put the default back where nobody else has set a handler since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for signum in self._watched:
            if signal.getsignal(signum) == self._handle:
                with contextlib.suppress(ValueError, OSError):
                    signal.signal(signum, signal.SIG_DFL)
        self._watched.clear()

    def _handle(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature
        # First of all: a second signal must not wait for us.
        for watched in self._watched:
            signal.signal(watched, signal.SIG_DFL)
        try:
            self._on_signal(terminated(signum))
        finally:
            os.kill(os.getpid(), signum)


def describe_error(
    ending: Ending, exception_meta: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    """Return ``error``, ``error_type`` and ``stack`` for the ERROR entry of ``ending``."""
    error = ending.error
    if error is None:
        return {"error": ending.error_message, "outcome": ending.outcome}
    meta = exception_meta((type(error), error, error.__traceback__))
    return {**meta, "outcome": ending.outcome}
