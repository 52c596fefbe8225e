"""A recorder without a database, and having everything in this process record to another place.

For ``runlog.testing`` only. Entries take their real way, through encoder and spool; there is no
shipper, so they stay in the files, where ``read_entries`` and ``read_runs`` find them.
"""

# ruff: noqa: SLF001 - a handler is directed elsewhere, and an installed run ended, only for a test

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runlog._capture.calls import keep_what_waits
from runlog._capture.install import installed
from runlog._process.ending import ending_of
from runlog._process.state import process
from runlog._recorder import registry
from runlog._recorder.recorder import Recorder
from runlog._settings import Settings
from runlog._spool.places import database_folder
from runlog._spool.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

Make = Callable[[Settings], Recorder]
_REPLACED = ((logging.Logger, "filter"), (sys, "exit"), (sys, "excepthook"))
"""What ``install`` replaces."""


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
    afterwards, ``runlog.install()`` undone. The run in which the tests themselves are recorded is
    none of theirs.
    """
    outside = dict(vars(registry.recorders))
    # Around it all: they hold on to what is the process's when they are directed.
    with _directed_back(outside["takers"]), process.fresh():
        # Handlers live on, ``configure`` holds, and a forked child lets go of what it inherits.
        for name in ("takers", "configured", "all"):
            setattr(registry.recorders, name, outside[name])
        registry.recorders.make_instead = make
        takers: Iterable[Any] = outside["takers"]
        for taker in list(takers):
            taker._direct_to(make(taker._settings))
        with _installation_undone():
            keep_what_waits()
            yield


@contextmanager
def _directed_back(takers: Iterable[Any]) -> Iterator[None]:
    before = [(taker, taker._recorder) for taker in list(takers)]
    try:
        yield
    finally:
        # Those made meanwhile record nothing any more.
        for taker in list(takers):
            taker._direct_to(None)
        for taker, recorder in before:
            taker._direct_to(recorder)


@contextmanager
def _installation_undone() -> Iterator[None]:
    before = [(place, name, getattr(place, name)) for place, name in _REPLACED]
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
