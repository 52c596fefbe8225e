"""Late runs: what happens to entries whose run has no row yet, since another process began it.

In a process's own spool everything keeps its order and waits, for a while. What a dead process left
must not wait for one run: the lines of that run are set aside into a folder of their own, which is
an orphan like any other, of the same age. Both end alike: after ``WAIT_SECONDS`` such lines are
dead letters. Runs under the shipper's lock; blocks on the disk only.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from runlog._entry.copy_text import escape
from runlog._spool import folders
from runlog._spool.whole import append_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runlog._spool.descriptor import Descriptor

WAIT_SECONDS = 60.0
_MARK = "set-aside"


class OwnPatience:
    """That with entries of this process's own spool: waits by the time since the run was missed."""

    def __init__(self) -> None:
        self._missed_since: dict[str, float] = {}
        self._kept = 0

    def lasts_for(self, run_id: str) -> bool:
        """Tell whether the run may still appear."""
        now = time.monotonic()
        return now - self._missed_since.setdefault(run_id, now) < WAIT_SECONDS

    def keep_entries(self, rows: Sequence[Sequence[str]]) -> bool:  # noqa: ARG002 - see SetAside
        """Return False: they stay where they are, and so does all that is behind them."""
        return False

    def keep_event(self, event: dict[str, Any]) -> bool:  # noqa: ARG002 - as above
        """Return False, as ``keep_entries``."""
        return False

    def count_kept(self) -> int:
        """Return how many entries were kept since the last time this was asked."""
        kept, self._kept = self._kept, 0
        return kept


class SetAside(OwnPatience):
    """That with an orphan, by its age: processes that live shorter would hand it on for ever.

    A crash between the copy and its acknowledgement leaves lines in both folders: delivered twice,
    which the database makes nothing of.
    """

    def __init__(self, orphan: Path, last_sign_of_life: float) -> None:
        """Make no folder yet."""
        super().__init__()
        self._orphan = orphan
        self._time = last_sign_of_life
        self._folder: Path | None = None
        self._lock: Descriptor | None = None

    def lasts_for(self, run_id: str) -> bool:  # noqa: ARG002 - all of an orphan is of one age
        """Tell whether the orphan is so young that its run may still appear."""
        # A time to come, from a clock that was wrong, is no reason to wait for it.
        return abs(time.time() - self._time) < WAIT_SECONDS

    def keep_entries(self, rows: Sequence[Sequence[str]]) -> bool:
        """Copy entries into the other folder; False if they have to stay where they are."""
        lines = ["\t".join(map(escape, row)) + "\n" for row in rows]
        is_kept = self._append("logs-000001.copy", "".join(lines).encode())
        self._kept += len(rows) if is_kept else 0
        return is_kept

    def keep_event(self, event: dict[str, Any]) -> bool:
        """Copy a run event into the other folder; False if it has to stay where it is."""
        import orjson

        return self._append("runs-000001.jsonl", orjson.dumps(event) + b"\n")

    def _append(self, name: str, lines: bytes) -> bool:
        if (self._orphan / _MARK).exists():
            # It is such a folder already, and holds nothing but what waits.
            return False
        with contextlib.suppress(OSError):
            append_whole(self._made() / name, lines)
            return True
        return False

    def _made(self) -> Path:
        if self._folder is None:
            self._folder, self._lock = folders.create(self._orphan.parent)
            (self._folder / _MARK).touch(0o600)
        return self._folder

    def close(self) -> None:
        """Give the folder to whoever comes next, as old as the orphan is."""
        if self._folder is not None:
            for name in ("logs.ack", "runs.ack"):
                with contextlib.suppress(OSError):
                    (self._folder / name).touch(0o600)
            with contextlib.suppress(OSError):
                for entry in os.scandir(self._folder):
                    os.utime(entry.path, (self._time, self._time))
            if self._lock is not None:
                self._lock.close()
            self._folder = None
