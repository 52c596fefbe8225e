"""Which run and which step a log call belongs to, decided at the call.

Context variables carry both through ``asyncio`` tasks and copied contexts. A thread without a
context of its own belongs to the process's only open run. Runs on the caller's thread, once per
record; must not block.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from ._notices import notices

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_ID_VARIABLE = "RUNLOG_RUN_ID"


class BoundRun(Protocol):
    """What a binding holds of a run."""

    @property
    def id_text(self) -> str: ...


run_variable: ContextVar[BoundRun | None] = ContextVar("runlog_run", default=None)
step_variable: ContextVar[str | None] = ContextVar("runlog_step", default=None)
open_runs: dict[str, BoundRun] = {}
"""Every run that this process has started, joined, or was forked in, and not finished."""


def current() -> BoundRun | None:
    """Return the run of this context, else the process's only open run, else None."""
    run = run_variable.get()
    if run is not None:
        return run
    # list() is one step under the GIL: another thread may open or close a run meanwhile.
    runs = list(open_runs.values())
    return runs[0] if len(runs) == 1 else None


def run_id() -> str | None:
    """Return the id of the run that a record logged now belongs to; None when there is none.

    The context's run, else RUNLOG_RUN_ID, else the process's only open run.
    """
    run = run_variable.get()
    if run is not None:
        return run.id_text
    return inherited_run_id() or _only_open_id()


def _only_open_id() -> str | None:
    run = current()
    return run.id_text if run is not None else None


def inherited_run_id() -> str | None:
    """Return the run that a parent process handed down in RUNLOG_RUN_ID, if it is a UUID."""
    text = os.environ.get(RUN_ID_VARIABLE)
    if not text:
        return None
    from uuid import UUID

    try:
        return str(UUID(text))
    except ValueError:
        notices.change(RUN_ID_VARIABLE, text, f"{RUN_ID_VARIABLE}={text!r} is no UUID; ignored")
        return None


@contextmanager
def step(name: str) -> Iterator[None]:
    """Give entries logged inside the block the step ``name``, unless they name one themselves."""
    token = step_variable.set(name)
    try:
        yield
    finally:
        step_variable.reset(token)
