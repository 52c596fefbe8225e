"""How this process ends: who is called, in which order.

The only hook of exit is registered here. Whoever stands higher enters itself in one of the lists:
``before_exit``, then ``deliveries``, ``closings`` and ``after_exit``. Children of multiprocessing
skip ``atexit``; ``at_end``, behind ``before_exit``, reaches them too.

On the thread that ends the process.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Protocol

from runlog._process import clock, fork
from runlog._process.state import process

if TYPE_CHECKING:
    from collections.abc import Callable


class LastDelivery(Protocol):
    """What delivers at the exit; with ``at_once`` nothing more is waited for."""

    def __call__(self, *, at_once: bool = False) -> None:
        """Deliver what waits."""


before_exit: list[Callable[[], None]] = []
"""Called when the interpreter exits, before the last delivery."""

deliveries: list[LastDelivery] = []
"""That delivery."""

closings: list[Callable[[], None]] = []
"""Called after that delivery: nothing is asked any more."""

after_exit: list[Callable[[], None]] = []
"""Called at the very last, when no code of ours will run any more."""

_BEFORE_DELIVERY = -90


class Exit:
    """The end of this process, as far as it has come."""

    def __init__(self) -> None:
        self.is_exiting = False
        self.ending_since: float | None = None
        self.at_end: dict[Callable[[], None], int] = {}
        """What is called before the delivery, and the process in which it was asked for last."""


state = process.part(Exit)


def is_exiting() -> bool:
    """Tell whether the interpreter has begun to exit."""
    return state.is_exiting


def begin() -> None:
    """Note that the process ends, by a signal or at its exit; the first time counts."""
    if state.ending_since is None:
        state.ending_since = clock.monotonic()


def left_of(seconds: float) -> float:
    """Return what is left of the ``seconds`` that an end may take; all of them before it began.

    However often something has to be delivered once more: what other hooks log at the exit, too.
    """
    since = state.ending_since
    return seconds if since is None else max(0.0, seconds - (clock.monotonic() - since))


def forget() -> None:
    """Let the process not be ending: in a forked child."""
    state.ending_since = None


def at_end(callback: Callable[[], None]) -> None:
    """Have ``callback`` called when this process ends, before the last delivery."""
    if state.at_end.get(callback) != os.getpid():
        state.at_end[callback] = os.getpid()
        fork.at_end_of_child(callback, priority=_BEFORE_DELIVERY)


def _at_exit() -> None:
    state.is_exiting = True
    begin()
    try:
        _end_all()
    except KeyboardInterrupt:
        # Whoever presses Ctrl-C while it delivers does not want to wait; the spool keeps the rest.
        # Pressed again, it ends the process at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _end_all(at_once=True)


def _end_all(*, at_once: bool = False) -> None:
    """Call everybody in their order; again, with ``at_once``, where that was interrupted."""
    _call_all([*before_exit, *state.at_end])
    for deliver in deliveries:
        deliver(at_once=at_once)
    _call_all([*closings, *after_exit])


def _call_all(ends: list[Callable[[], None]]) -> None:
    for end in ends:
        with contextlib.suppress(Exception):
            end()


atexit.register(_at_exit)
