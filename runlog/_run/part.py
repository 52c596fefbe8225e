"""A process's part in a run that another process began (RUNLOG_RUN_ID).

The row belongs to the process that began it: the part never starts or ends it and gives it no
heartbeat. It adds its entries, its counts and its sync window. Runs on the caller's thread; does
not block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._entry.ids import new_id
from runlog._process import clock
from runlog._recorder import open_runs

if TYPE_CHECKING:
    from runlog._recorder.recorder import Recorder
    from runlog._recorder.run_state import RunState


class Part:
    """What one ``RunContext`` adds to another process's run."""

    def __init__(self, run: RunState, recorder: Recorder) -> None:
        """Be one of the open runs of this process, under a key of its own."""
        self._run = run
        self._recorder = recorder
        self._key = new_id()
        self._next_time = clock.monotonic() + recorder.settings.heartbeat_interval
        open_runs.runs.open[self._key] = run

    def tell(self) -> None:
        """Send what has been counted so far; the figures are absolute, so telling twice is one."""
        self._next_time = clock.monotonic() + self._recorder.settings.heartbeat_interval
        self._recorder.update_run(self._run, event="join", part=self._key)

    def is_time_to_tell(self) -> bool:
        """Tell whether the last time is a heartbeat ago; asked with every count."""
        return clock.monotonic() >= self._next_time

    def end(self) -> None:
        """Send what there is and let go."""
        self.tell()
        self.forget()

    def forget(self) -> None:
        """Let go without a word: a forked child leaves the block that its parent is still in."""
        open_runs.runs.open.pop(self._key, None)
