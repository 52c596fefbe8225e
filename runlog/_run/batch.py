"""Batches: runs that belong together, over nested runs, threads and child processes.

Inside the process the enclosing run or ``batch`` tells which; RUNLOG_BATCH_ID tells it to child
processes. Runs on the caller's thread; never blocks, never raises.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from runlog._entry.ids import new_id
from runlog._entry.texts import repr_of
from runlog._process.notices import notices
from runlog._process.state import process, put_back
from runlog._recorder import open_runs
from runlog._recorder.columns import uuid_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import ContextVar
    from uuid import UUID

    from runlog._recorder.run_state import RunState

VARIABLE = process.variable("RUNLOG_BATCH_ID")


class _Batch(NamedTuple):
    batch_id: UUID
    within: RunState | None
    """The run that was around: inside a further run that one's batch counts."""


_batch: ContextVar[_Batch | None] = process.binding("runlog_batch")


class Export:
    """A batch in this process's environment, for its children, until ``take_back``.

    The environment is the process's, so only the main thread changes it.
    """

    def __init__(self, batch_id: UUID | str) -> None:
        self.batch_id = batch_id
        if threading.current_thread() is threading.main_thread():
            if not _exports.open:
                _exports.original = os.environ.get(VARIABLE)
            _exports.open.append(self)
            os.environ[VARIABLE] = str(batch_id)

    def take_back(self) -> None:
        """Put back what was there before; tasks need not end in the order in which they began."""
        if self not in _exports.open:
            return
        _exports.open.remove(self)
        if _exports.open:
            os.environ[VARIABLE] = str(_exports.open[-1].batch_id)
        elif _exports.original is not None:
            os.environ[VARIABLE] = _exports.original
        else:
            os.environ.pop(VARIABLE, None)


class Exports:
    """The batches that stand in this process's environment, or would behind the last one."""

    def __init__(self) -> None:
        self.open: list[Export] = []
        self.original: str | None = None
        """What the environment said before the first of them."""


_exports = process.part(Exports)


def inherited() -> UUID | None:
    """Return the batch that a run which begins here belongs to; None outside of any."""
    around = open_runs.run_variable.get()
    batch = _batch.get()
    if batch is not None and batch.within is around:
        return batch.batch_id
    if around is not None:
        return as_uuid(around.get("batch_id"))
    # What the main thread has put there counts for other threads; another task of the main
    # thread is beside that run, not inside.
    is_beside = _exports.open and threading.current_thread() is threading.main_thread()
    told = (_exports.original if is_beside else os.environ.get(VARIABLE)) or ""
    return as_uuid(told.strip() or None)


@contextmanager
def batch(batch_id: UUID | str | None = None) -> Iterator[UUID]:
    """Give all runs that begin inside, also in child processes, the same ``batch_id``.

    Args:
        batch_id: the batch; default: the one that is around (of an enclosing run or ``batch``, or
            RUNLOG_BATCH_ID), else a new one.

    Yields:
        The batch's id, for a query: ``select * from runs where batch_id = …``.
    """
    from uuid import UUID

    chosen = as_uuid(batch_id) or inherited() or UUID(new_id())
    token = _batch.set(_Batch(chosen, open_runs.run_variable.get()))
    export = Export(chosen)
    try:
        yield chosen
    finally:
        export.take_back()
        put_back(_batch, token)


def as_uuid(value: object) -> UUID | None:
    """Return ``value`` as a UUID; what is none is told once, and ignored."""
    from uuid import UUID

    try:
        text = uuid_text(value)
    except ValueError:
        shown = repr_of(value)
        notices.change("batch_id", shown, f"batch_id={shown} is no UUID; ignored")
        return None
    return None if text is None else UUID(text)
