"""What is told of a run while it runs: counts, notes, and its own START, END and ERROR entries.

Runs on the caller's thread, counts on any. Nothing blocks or raises, but ``legacy_id`` waits for
the database.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runlog._entry.exceptions import exception_meta
from runlog._process.ending import describe_error
from runlog._process.notices import notices
from runlog._recorder.run_state import COUNTS, RunState
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from decimal import Decimal

    from runlog._process.ending import Ending
    from runlog._recorder.recorder import Recorder
    from runlog._run.part import Part

_ERROR, _INFO = 40, 20


class Progress(RunState):
    """A run's state, and the way of what changes in it to the recorder."""

    def __init__(self, run_id: str, script_name: str) -> None:
        super().__init__(run_id, script_name)
        self.is_joined = False
        """Whether the row is another process's, see ``part``."""
        self.lifecycle_logs = True
        self._recorder: Recorder | None = None
        self._part: Part | None = None
        self._legacy_id: int | None = None

    def begin_now(self) -> None:
        """Let the run's time begin here."""
        self.started_at = datetime.now(UTC)
        self._started_clock = time.perf_counter()

    def count(
        self,
        *,
        fetched: int | None = None,
        inserted: int | None = None,
        updated: int | None = None,
        failed: int | None = None,
        calls_analyzed: int | None = None,
        api_cost: float | Decimal | str | None = None,
    ) -> None:
        """Add to the counts of the run, from any thread; what is never named stays null."""
        amounts = dict(zip(COUNTS, (fetched, inserted, updated, failed), strict=True))
        named: dict[str, Any] = {f"records_{name}": amount for name, amount in amounts.items()}
        named |= {"calls_analyzed": calls_analyzed, "api_cost": api_cost}
        for name, amount in named.items():
            if amount is not None:
                try:
                    self.add(name, amount)
                except (TypeError, ValueError, ArithmeticError):
                    notices.change(
                        "count", name, f"count({name}={amount!r}) is no number; not added"
                    )
        if self._part is not None and self._part.is_time_to_tell():
            self.tell_progress()

    def note(self, **facts: Any) -> None:
        """Add facts to ``metadata.runlog``."""
        # A new dict: the shipper's thread may be reading the old one.
        self.about = {**self.about, **facts}

    def tell_progress(self) -> None:
        """Have what has changed stored now, and not with the next heartbeat."""
        if self._recorder is None or not self.is_own:
            return
        try:
            if self._part is not None:
                self._part.tell()
            else:
                self._recorder.update_run(self)
        except Exception as error:
            notices.change("run", repr(error), f"progress could not be recorded: {error!r}")

    @property
    def legacy_id(self) -> int | None:
        """The number that the database gave the run's row; None as long as it is not known.

        Waits until the row is there and answers, once; when the database is away that is said on
        stderr, and asked again the next time.
        """
        recorder = self._recorder
        if self._legacy_id is None and recorder is not None and recorder.has_database:
            from runlog._run.cursor import legacy_id_of

            try:
                self._legacy_id = legacy_id_of(recorder, self.id_text)
            except RunlogError as error:
                notices.change("legacy_id", str(error), str(error))
        return self._legacy_id

    def _log_start(self) -> None:
        """Write the START entry, unless the run is another process's."""
        if self.lifecycle_logs and self._part is None:
            meta = {"triggered_by": self.triggered_by, "sync_mode": self.sync_mode}
            known = {name: value for name, value in meta.items() if value is not None}
            self._log(_INFO, "INFO", "START", f"Starting {self.script_name}", known)

    def _log_end(self, ending: Ending) -> None:
        """Write the END or ERROR entry; the good end of a part is not the end of the run."""
        counts = {**self.counts(), "duration_ms": self.duration_ms()}
        if not self.lifecycle_logs:
            return
        if ending.status != "success":
            meta = {**describe_error(ending, exception_meta), **counts}
            self._log(_ERROR, "ERROR", "ERROR", ending.error_message, meta)
        elif self._part is None:
            text = f"{self.script_name} completed successfully"
            self._log(_INFO, "INFO", "END", text, counts)

    def _tell_github(self, ending: Ending) -> None:
        """Show the end of the run in GitHub Actions, if it runs there."""
        if self._recorder is not None and os.environ.get("GITHUB_ACTIONS") == "true":
            from runlog._run.github import tell

            tell(
                self,
                ending,
                settings=self._recorder.settings,
                redact=self._recorder.encoder.redact_text,
                environ=os.environ,
                is_outermost=not self._recorder.open_ids(),
            )

    def _log(self, levelno: int, levelname: str, step: str, message: object, meta: Any) -> None:
        if self._recorder is not None:
            self._recorder.record(
                self.id_text, time.time(), levelno, levelname, step, message, meta
            )
