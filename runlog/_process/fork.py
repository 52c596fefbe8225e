"""What a fork must not catch half-way, and what a forked child has to let go of.

A child of ``fork`` has only the thread that forked. A module that the shipper's thread was just
importing would stay locked in the child for ever, so the import is done under a gate that a fork
waits for. Everything else the child simply does not use: its recorders start anew.

The only hooks of fork are registered here. Whoever stands higher enters with ``in_child`` what a
child lets go of; ``InChild`` is the order.
"""

from __future__ import annotations

# Before our own hooks are registered: the last ones registered run first, and whoever holds
# logging's lock must not wait for an import, which may ask for a logger.
import logging  # noqa: F401 - as said
import os
import sys
import threading
from contextlib import ExitStack
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import CodeType

_IMPORT_WAIT_SECONDS = 10.0

_VOICE_WAIT_SECONDS = 1.0

_gate = threading.RLock()

_held = False

_voice = threading.RLock()

_is_quiet = False


class InChild(IntEnum):
    """What a forked child does before the program goes on in it, in this order.

    First of all it has gates of its own, for nobody may wait for a thread that is not there.
    """

    IDS = 1
    """Whatever is told from now on has ids that its parent does not make."""
    RECORDERS = 2
    """They let go of the parent's files and connections."""
    QUESTIONS = 3
    """So do the connections on which questions are asked."""
    SIGNALS = 4
    """Last: a signal ends the runs of the recorders above."""


_in_child: dict[InChild, Callable[[], None]] = {}


def in_child(step: InChild, call: Callable[[], None]) -> None:
    """Have ``call`` called at its ``step`` in each forked child; one a step."""
    _in_child[step] = call


def without_fork() -> AbstractContextManager[Any]:
    """Return a block that a fork waits for; for what holds locks of C libraries, milliseconds."""
    # Read at each use: a forked child has a gate of its own.
    return _gate


def one_voice() -> threading.RLock:
    """Return the lock of whoever writes to stderr, which a fork waits for.

    A child could find stderr locked for ever.
    """
    return _voice


def at_end_of_child(end: Callable[[], Any], *, priority: int = -100) -> None:
    """Have ``end`` called when this process, a child of multiprocessing, ends; the highest first.

    Such children end through multiprocessing's finalizers and skip ``atexit``.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is not None and is_child_of_multiprocessing():
        util.Finalize(None, end, exitpriority=priority)


def is_child_of_multiprocessing() -> bool:
    """Tell whether multiprocessing has started this process."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    # The latter while a spawned child imports the script again: it has no parent yet.
    is_preparing: bool = getattr(process.current_process(), "_inheriting", False)
    return process.parent_process() is not None or is_preparing


def code_of_child() -> CodeType | None:
    """Return what a child of multiprocessing runs as its main program; None in other processes."""
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return None
    code: CodeType | None = getattr(type(process.current_process()).run, "__code__", None)
    return code


def _before() -> None:
    global _held, _is_quiet  # noqa: PLW0603 - hooks of fork get no argument
    _held = _gate.acquire(timeout=_IMPORT_WAIT_SECONDS)
    _is_quiet = _voice.acquire(timeout=_VOICE_WAIT_SECONDS)


def _after_in_parent() -> None:
    if _is_quiet:
        _voice.release()
    if _held:
        _gate.release()


def _after_in_child() -> None:
    global _gate, _voice
    _gate, _voice = threading.RLock(), threading.RLock()
    with ExitStack() as stack:
        # Each is called, whatever becomes of the others; the last entered is the first called.
        for step in sorted(_in_child, reverse=True):
            stack.callback(_in_child[step])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
