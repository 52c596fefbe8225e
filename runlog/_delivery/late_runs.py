"""Late runs: how long entries wait for the row of a run that another process began.

Only the time in which the database was there counts: each look at a missing run adds what has
passed since the look before it, but no more than a shipper's longest pause. What waits longer than
``WAIT_SECONDS`` becomes a dead letter. Runs under the shipper's lock; blocks on the disk only.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Protocol

from runlog._process import clock

if TYPE_CHECKING:
    from pathlib import Path

WAIT_SECONDS = 60.0
_LONGEST_PAUSE = 30.0
_MOST_RUNS = 1000
_MARK = "late.ack"
"""Ends as the positions do, for it is no sign of life of the process either."""
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class RunNotThereYetError(Exception):
    """Entries of a run that another process started, and has not delivered yet."""


class LateRuns(Protocol):
    """Which missing runs may still appear."""

    def is_expected(self, run_id: str) -> bool:
        """Tell whether what belongs to this run, whose row is missing, is to wait for it."""


class OwnLateRuns:
    """Those that entries of this process's own spool belong to; each waits by itself."""

    def __init__(self) -> None:
        self._waits: dict[str, tuple[float, float]] = {}

    def is_expected(self, run_id: str) -> bool:
        """As ``LateRuns``."""
        now = clock.monotonic()
        waited, last = self._waits.pop(run_id, (0.0, now))
        waited = _longer(waited, now - last)
        self._waits[run_id] = (waited, now)
        if len(self._waits) > _MOST_RUNS:
            del self._waits[next(iter(self._waits))]
        return waited < WAIT_SECONDS


class LateRunsOfOrphan:
    """Those of one delivery of what a dead process left; how long it waited stands in its folder.

    Of all that it waits for together: processes that live shorter than a minute hand it on.
    """

    def __init__(self, folder: Path) -> None:
        self._mark = folder / _MARK
        self._waited: float | None = None

    def is_expected(self, run_id: str) -> bool:  # noqa: ARG002 - as said
        """As ``LateRuns``."""
        if self._waited is None:
            self._waited = self._look()
        return self._waited < WAIT_SECONDS

    def _look(self) -> float:
        waited = 0.0
        # A disk that takes no mark makes it wait longer, never shorter.
        with contextlib.suppress(OSError):
            fd = os.open(self._mark, _FLAGS, 0o600)
            try:
                written = os.pread(fd, 32, 0)
                if written:
                    waited = _longer(_seconds(written), time.time() - os.fstat(fd).st_mtime)
                os.pwrite(fd, b"%08d\n" % (waited * 1000), 0)
            finally:
                os.close(fd)
        return waited


def _longer(waited: float, since: float) -> float:
    # A clock that was set says nothing.
    return waited + min(max(since, 0.0), _LONGEST_PAUSE)


def _seconds(written: bytes) -> float:
    try:
        return min(max(int(written) / 1000, 0.0), WAIT_SECONDS)
    except ValueError:
        return 0.0
