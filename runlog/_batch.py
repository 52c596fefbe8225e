"""Batches: runs that belong together, over nested runs, threads and child processes.

A batch is carried by a context variable inside the process and by RUNLOG_BATCH_ID to its children.
Runs on the caller's thread; never blocks, never raises.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from uuid import UUID

from ._notices import notices
from ._uuid7 import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Token

VARIABLE = "RUNLOG_BATCH_ID"
_context: ContextVar[UUID | None] = ContextVar("runlog_batch", default=None)


class _Exported:
    """The batches that this process has put into its environment, innermost last."""

    inner: list[Membership]
    outer: str | None

    def __init__(self) -> None:
        self.inner = []
        self.outer = None


_exported = _Exported()


class Membership:
    """Being in a batch, from ``enter`` to ``leave``."""

    def __init__(self, batch_id: UUID) -> None:
        self.batch_id = batch_id
        self._token: Token[UUID | None] | None = None

    def enter(self) -> None:
        """Make it the batch of what begins from here on: in this context, and in child processes.

        The environment belongs to the process, so only the main thread changes it.
        """
        self._token = _context.set(self.batch_id)
        if threading.current_thread() is threading.main_thread():
            if not _exported.inner:
                _exported.outer = os.environ.get(VARIABLE)
            _exported.inner.append(self)
            os.environ[VARIABLE] = str(self.batch_id)

    def leave(self) -> None:
        """Put back what was there before."""
        token, self._token = self._token, None
        if token is not None:
            try:
                _context.reset(token)
            except ValueError:
                # Left in another context than entered: nothing to put back here.
                pass
        if self in _exported.inner:
            _exported.inner.remove(self)
            _put_back()


def _put_back() -> None:
    if _exported.inner:
        # Concurrent tasks do not leave in the order in which they entered.
        os.environ[VARIABLE] = str(_exported.inner[-1].batch_id)
    elif _exported.outer is not None:
        os.environ[VARIABLE] = _exported.outer
    else:
        os.environ.pop(VARIABLE, None)


def inherited() -> UUID | None:
    """Return the batch that something which begins here belongs to; None outside of any.

    The context's, else the environment's. A thread takes what the main thread's run has put
    there; another task of the main thread is beside that run and does not.
    """
    here = _context.get()
    if here is not None:
        return here
    is_beside = _exported.inner and threading.current_thread() is threading.main_thread()
    return as_uuid(_exported.outer if is_beside else os.environ.get(VARIABLE))


@contextmanager
def batch(batch_id: UUID | str | None = None) -> Iterator[UUID]:
    """Give all runs that begin inside, also in child processes, the same ``batch_id``.

    Args:
        batch_id: the batch; default: the one that is around (an enclosing run or ``batch``, or
            RUNLOG_BATCH_ID), else a new one.

    Yields:
        The batch's id, for a query: ``select * from runs where batch_id = …``.
    """
    member = Membership(as_uuid(batch_id) or inherited() or UUID(new_id()))
    member.enter()
    try:
        yield member.batch_id
    finally:
        member.leave()


def as_uuid(value: object) -> UUID | None:
    """Return ``value`` as a UUID; what is none is told once, and ignored."""
    if value is None or isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        notices.change("batch_id", str(value), f"batch_id={value!r} is no UUID; ignored")
        return None
