"""The journal of a run: START, END and ERROR, what the script writes into it, what GitHub shows.

Runs on the caller's thread. Never blocks, never raises.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runlog._entry.exceptions import exception_meta
from runlog._entry.levels import ERROR, INFO
from runlog._process.ending import describe_error
from runlog._recorder import open_runs
from runlog._recorder.recorder import undelivered
from runlog._run.row import quietly
from runlog._settings import EMBEDDED

if TYPE_CHECKING:
    from runlog._process.ending import Ending
    from runlog._run.row import Row

_HOUR = timedelta(hours=1)


class Journal:
    """Writes entries of one run, whether or not the program has a handler."""

    def __init__(self, row: Row, *, lifecycle_logs: bool) -> None:
        self._row = row
        self._lifecycle_logs = lifecycle_logs

    def write(self, levelno: int, levelname: str, step: object, message: object, meta: Any) -> None:
        """Write one entry; a ``step`` of None is the active one."""
        recorder = self._row.recorder
        if recorder is not None and levelno >= recorder.settings.level:
            # By its type: whether an array is true is an error.
            if step is None or (type(step) is str and not step):
                step = open_runs.step_variable.get()
            self._record(levelno, levelname, step, message, meta)

    def log_start(self, overlap_window: timedelta | None) -> None:
        """Write the START entry, unless the run is another process's."""
        state = self._row.state
        if not self._lifecycle_logs or self._row.is_part:
            return
        meta = {
            "triggered_by": state.get("triggered_by"),
            "sync_mode": state.get("sync_mode"),
            "overlap_hours": overlap_window / _HOUR if overlap_window is not None else None,
        }
        known = {name: value for name, value in meta.items() if value is not None}
        self._record(INFO, "INFO", "START", f"Starting {state.script_name}", known)

    def log_end(self, ending: Ending) -> None:
        """Write the END or ERROR entry; the good end of a part is not the end of the run."""
        state = self._row.state
        if not self._lifecycle_logs:
            return
        duration = state.duration_ms()
        counts = {
            name: float(value) if isinstance(value, Decimal) else value
            for name, value in state.counts().items()
        }
        # The documented system's name for it beside the column's.
        figures = {**counts, "duration_ms": duration, "total_duration_ms": duration}
        processed = [counts[name] for name in _PROCESSED if name in counts]
        if processed:
            figures["records_processed"] = sum(processed)
        if ending.status != "success":
            meta = {**describe_error(ending, exception_meta), **figures}
            self._record(ERROR, "ERROR", "ERROR", ending.error_message, meta)
        elif not self._row.is_part:
            text = f"{state.script_name} completed successfully"
            self._record(INFO, "INFO", "END", text, figures)

    def expect_github(self) -> None:
        """See to it that GitHub Actions, if the run is there, shows what is not delivered."""
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from runlog._run import github

            recorder = self._row.recorder
            if recorder is None:
                github.tell_unrecorded()
                return
            if recorder.settings.dsn == EMBEDDED:
                github.tell_discarded(recorder.settings)
            if github.tell_undelivered not in undelivered:
                undelivered.append(github.tell_undelivered)

    def tell_github(self, ending: Ending) -> None:
        """Show the end of the run in GitHub Actions, if it runs there."""
        recorder = self._row.recorder
        if recorder is not None and os.environ.get("GITHUB_ACTIONS") == "true":
            from runlog._run import github

            github.tell(
                self._row.state,
                ending,
                settings=recorder.settings,
                redact=recorder.encoder.redact_text,
                environ=os.environ,
                is_outermost=not recorder.open_ids(),
            )

    def _record(
        self, levelno: int, levelname: str, step: object, message: object, meta: Any
    ) -> None:
        recorder, run_id = self._row.recorder, self._row.state.id_text
        if recorder is not None:
            quietly(
                lambda: recorder.record(
                    run_id, time.time(), levelno, levelname, step, message, meta
                ),
                "an entry could not be stored",
            )


_PROCESSED = ("records_inserted", "records_updated")
