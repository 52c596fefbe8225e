"""The row of a run as its process sees it: one of its own, or a part in another process's.

Runs on the caller's thread. Never blocks, never raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._entry.texts import repr_of
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices
from runlog._run.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._process.ending import Ending
    from runlog._recorder.recorder import Recorder
    from runlog._recorder.run_state import RunState


def quietly(action: Callable[[], object], what: str = "the run could not be recorded") -> None:
    """Do it; what runlog fails at is told, and never raised into the script."""
    try:
        action()
    except Exception as error:
        if is_interrupt(error):
            raise
        shown = repr_of(error)
        notices.change("run", shown, f"{what}: {shown}")


class Row:
    """Brings a run's state to its recorder.

    Attributes:
        state: the columns.
        recorder: whose database; None when there is none.
        is_joined: whether the row is another process's.
    """

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.recorder: Recorder | None = None
        self.is_joined = False
        self._part: Part | None = None

    @property
    def is_part(self) -> bool:
        """Tell whether this is a part that has begun."""
        return self._part is not None

    def begin(self) -> None:
        """Have the row inserted, or take part in the one that is there."""
        if self.recorder is None:
            return
        if self.is_joined:
            self._part = Part(self.state, self.recorder)
        else:
            self.recorder.start_run(self.state)

    def tell(self) -> None:
        """Have what has changed stored now, and not with the next heartbeat."""
        if self.recorder is None or not self.state.is_own:
            return
        recorder = self.recorder
        tell = (
            self._part.tell if self._part is not None else lambda: recorder.update_run(self.state)
        )
        quietly(tell, "progress could not be recorded")

    def tell_if_due(self) -> None:
        """Tell a part's progress, which has no heartbeat of its own; asked with every count."""
        if self._part is not None and self._part.is_time_to_tell():
            self.tell()

    def finish(self, ending: Ending) -> None:
        """Record the final state; of a part what it has added."""
        if self._part is not None:
            self._part.end()
        elif self.recorder is not None:
            self.recorder.finish_run(self.state, ending.status, ending.error_message)

    def forget(self) -> None:
        """Let go without a word: it is another process's, of which this one is a fork."""
        if self._part is not None:
            self._part.forget()
        elif self.recorder is not None:
            self.recorder.forget_run(self.state)

    def is_open(self) -> bool:
        """Tell whether it has begun and has no end yet."""
        if self._part is not None:
            return True
        return self.recorder is not None and self.state.id_text in self.recorder.open_ids()
