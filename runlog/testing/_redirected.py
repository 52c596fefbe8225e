"""A recorder without a database, and having everything in this process record to another place.

For ``runlog.testing`` only. Entries take their real way, through encoder and spool; there is no
shipper, so they stay in the files, where ``read_entries`` and ``read_runs`` find them.
"""

# ruff: noqa: SLF001 - what has to be put aside for a test is private

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from runlog._capture import install, processor
from runlog._capture.calls import keep_what_waits
from runlog._capture.handler import RunLogHandler
from runlog._process import exit as _exit
from runlog._process.ending import ending_of
from runlog._recorder import open_runs, registry
from runlog._recorder.recorder import Recorder
from runlog._settings import Settings
from runlog._spool.places import database_folder
from runlog._spool.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

Make = Callable[[Settings], Recorder]
_INHERITED = ("RUNLOG_RUN_ID", "RUNLOG_BATCH_ID")


class SpoolRecorder(Recorder):
    """Appends to the spool, and delivers nothing."""

    has_database = False

    @property
    def folder(self) -> Path | None:
        """The folder of all spools: this process's, and those of its forked children."""
        return database_folder(self.settings)

    def open(self) -> Spool:
        """Open the files only."""
        with self._opening:
            if self._spool is None or self._spool.is_sealed:
                self._ready = self._spool = Spool(self.folder, self.settings.spool_max_bytes)
                self._runs.append_starts()
            return self._spool

    def close(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - as Recorder
        """Let go of the files; there is nothing to wait for."""
        if self._spool is not None:
            self._spool.close(remove=False)
        return True


@contextmanager
def redirected(make: Make) -> Iterator[None]:
    """Have every handler, processor and run use what ``make`` returns for their settings.

    Also those that exist already, and whatever address they were given. Everything is as before
    afterwards, ``runlog.install()`` undone.
    """
    with ExitStack() as stack:
        stack.enter_context(_without_outer_run())
        stack.enter_context(_other_recorders(make))
        stack.enter_context(_installation_undone())
        keep_what_waits()
        yield


@contextmanager
def _without_outer_run() -> Iterator[None]:
    """Hide the run in which the tests themselves are recorded."""
    runs, ended = dict(open_runs.open_runs), list(open_runs.ended_with_process)
    inherited = {name: os.environ.pop(name) for name in _INHERITED if name in os.environ}
    open_runs.open_runs.clear()
    open_runs.ended_with_process.clear()
    run_token = open_runs.run_variable.set(None)
    step_token = open_runs.step_variable.set(None)
    try:
        yield
    finally:
        open_runs.put_back(open_runs.step_variable, step_token)
        open_runs.put_back(open_runs.run_variable, run_token)
        open_runs.open_runs.clear()
        open_runs.open_runs.update(runs)
        open_runs.ended_with_process[:] = ended
        for name in _INHERITED:
            os.environ.pop(name, None)
        os.environ.update(inherited)


@contextmanager
def _other_recorders(make: Make) -> Iterator[None]:
    recorder_for, active = registry.recorder_for, registry._active

    def made_for(settings: Settings) -> Recorder:
        recorder = make(settings)
        registry._active = registry._active or recorder
        return recorder

    registry._active = None
    registry.recorder_for = made_for
    owners = _list_owners()
    before = [(owner, owner._recorder) for owner in owners]
    for owner in owners:
        owner._direct_to(make(owner._settings))
    try:
        yield
    finally:
        # Those made meanwhile record nothing any more.
        for owner in _list_owners():
            owner._direct_to(None)
        for owner, recorder in before:
            owner._direct_to(recorder)
        registry.recorder_for = recorder_for
        registry._active = active


def _list_owners() -> list[Any]:
    """Return every handler and processor of this process, each with a recorder and settings."""
    known: list[Any] = getattr(logging, "_handlerList", [])
    handlers = [made for reference in known if isinstance(made := reference(), RunLogHandler)]
    return [*handlers, *processor.existing]


@contextmanager
def _installation_undone() -> Iterator[None]:
    installed: Any = install._Installed
    places: list[tuple[Any, str]] = [
        (logging.Logger, "filter"),
        (sys, "exit"),
        (sys, "excepthook"),
        *((installed, name) for name in vars(installed) if not name.startswith("__")),
    ]
    before = [(place, name, getattr(place, name)) for place, name in places]
    at_exit = list(_exit.before_exit)
    installed.run = None
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        if installed.run is not None:
            installed.run._use.leave(ending_of(error))
        for place, name, value in before:
            setattr(place, name, value)
        _exit.before_exit[:] = at_exit
