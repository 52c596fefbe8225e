"""The runs that are open in this process: their events, and who owns them.

Runs start and end on the caller's thread; the shipper asks for progress. Never blocks.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runlog._entry.texts import repr_of
from runlog._process.notices import notices
from runlog._process.state import process, put_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import ContextVar

    from runlog._recorder.run_state import RunState


class OpenRuns:
    """Open runs of one recorder; ``append`` puts an event into its spool."""

    def __init__(
        self, append: Callable[[dict[str, Any]], None], to_json: Callable[[Any], str]
    ) -> None:
        self._append = append
        self._to_json = to_json
        self._runs: dict[str, RunState] = {}
        self._unannounced: set[str] = set()

    def start(self, run: RunState) -> None:
        """Take the start of ``run``."""
        self._unannounced.add(run.id_text)
        self._runs[run.id_text] = run
        runs.open[run.id_text] = run
        self._append(run.start_event(self._to_json))
        self._unannounced.discard(run.id_text)

    def finish(self, run: RunState, status: str, error_message: str | None) -> None:
        """Take the end of ``run``."""
        if run.id_text in self._unannounced:
            # Ctrl-C came before its start was written; its last entries need a row.
            self._append(run.start_event(self._to_json))
        self._append(run.finish_event(status, error_message, self._to_json))
        self.forget(run)

    def forget(self, run: RunState) -> None:
        """Let go of ``run`` without an event: it ended, or it is another process's."""
        self._unannounced.discard(run.id_text)
        self._runs.pop(run.id_text, None)
        runs.open.pop(run.id_text, None)

    def owned_ids(self) -> list[str]:
        """Return the open runs that this process started, not those it was forked in."""
        return [run.id_text for run in list(self._runs.values()) if run.is_own]

    def append_starts(self) -> None:
        """Write the starts of all open runs once more; who has them already ignores them."""
        for run in list(self._runs.values()):
            self._append_made(run, run.start_event)

    def append_progress(self) -> None:
        """Write what has changed in open runs since the last time."""
        for run in list(self._runs.values()):
            if run.is_own:
                self._append_made(run, run.progress_event)

    def _append_made(
        self, run: RunState, make: Callable[[Callable[[Any], str]], dict[str, Any] | None]
    ) -> None:
        """Append the event that ``make`` returns; one that cannot be made stops no other."""
        try:
            event = make(self._to_json)
            if event is not None:
                self._append(event)
        except Exception as error:
            told = f"what is new of run {run.id_text} could not be taken: {repr_of(error)}"
            notices.change(f"events of {run.id_text}", "lost", told)

    def renew_locks(self) -> None:
        """Replace locks in a forked child."""
        for run in self._runs.values():
            run.renew_lock()


RUN_ID_VARIABLE = process.variable("RUNLOG_RUN_ID")

run_variable: ContextVar[RunState | None] = process.binding("runlog_run")

step_variable: ContextVar[str | None] = process.binding("runlog_step")


class Runs:
    """The runs of this process, of all its recorders."""

    def __init__(self) -> None:
        self.open: dict[str, RunState] = {}
        """Every run that was started, joined, or was forked in, and not finished."""
        self.refused_ids: set[str] = set()
        """Runs that were handed down to it, but live in another database or have ended."""
        self.ended_with_process: list[RunState] = []
        """What was open when it began to end: what its threads log until it is gone is theirs."""


runs = process.part(Runs)


def current() -> RunState | None:
    """Return the run of this context, else the only one open (or open until the exit), or None."""
    run = run_variable.get()
    if run is not None:
        return run
    # list() is one step under the GIL: another thread may open or close a run meanwhile.
    there = list(runs.open.values()) or runs.ended_with_process
    return there[0] if len(there) == 1 else None


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


_environ = os.environ
# What is in it, and the key there: asking os.environ takes longer than all else that a call does.
_variables: object = getattr(_environ, "_data", None)
_run_id_key: object = getattr(_environ, "encodekey", str)(RUN_ID_VARIABLE)


def find_only_open() -> RunState | None:
    """Return the run of a record outside of any context, where that is seen at a glance.

    None where ``run_id`` has to look: a run was handed down, or there are several or none.
    """
    if len(runs.open) != 1 or os.environ is not _environ:
        return None
    if type(_variables) is not dict or _run_id_key in _variables:
        return None
    # Another thread may end it in between.
    return next(iter(tuple(runs.open.values())), None)


def inherited_run_id() -> str | None:
    """Return the run that a parent process handed down in RUNLOG_RUN_ID, if it is a UUID."""
    text = os.environ.get(RUN_ID_VARIABLE, "").strip()
    if not text:
        return None
    from uuid import UUID

    try:
        run_id = str(UUID(text))
        return None if run_id in runs.refused_ids else run_id  # noqa: TRY300 - one way out
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
        put_back(step_variable, token)
