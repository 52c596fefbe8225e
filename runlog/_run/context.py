"""RunContext: one execution of a script, from its start to however it ends (``end``).

Runs on the caller's thread. Nothing here waits for the database and nothing raises because of
runlog, but for what asks the database: ``overlap`` (``overlap``), ``since`` (``window``).
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Self

from runlog._entry.ids import new_id
from runlog._process import origin
from runlog._process.ending import ending_of
from runlog._process.main_program import process_end
from runlog._recorder import open_runs, registry
from runlog._recorder.open_runs import step
from runlog._run.alert import record_alert
from runlog._run.batch import Export, as_uuid, inherited
from runlog._run.decorator import Decorator
from runlog._run.end import RunEnd, quietly
from runlog._run.overlap import Claim, Overlap, checked, claims
from runlog._run.part import Part, run_to_join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, timedelta
    from types import TracebackType
    from uuid import UUID

    from runlog._recorder.recorder import Recorder


class RunContext(RunEnd, Decorator):
    """A run: a row in ``runs`` that is true however the script ends.

    Use it as ``with``, ``async with``, as a decorator of a function, or with ``start`` and
    ``finish``. Records logged inside, also in tasks and threads, are its entries. Attributes that
    are columns (``records_fetched`` … ``metadata``) may be set at any time and are stored with the
    heartbeat and at the end.

    Guarantees: no method raises because of runlog, its database or its disk, and none waits for
    the database, but for two questions: ``since``, and the start unless ``overlap`` is ``allow``.
    The exception that ends the block goes on unchanged.

    In a process with RUNLOG_RUN_ID the outermost run is a part of that run, not one of its own: it
    adds entries, counts and its window, and neither starts nor ends the row.

    Args:
        script_name: what ``runs.script_name`` says; keep it the same over all executions.
        triggered_by: default: detected (github-actions, cron, systemd, kubernetes, manual).
        batch_id: groups related runs; default: the enclosing run's, else RUNLOG_BATCH_ID, else
            the run's own id.
        sync_mode: full, incremental or auto, for syncs.
        sync_start_date: begin of the synced window.
        sync_end_date: end of the synced window; default: the moment the run started.
        overlap_window: how far ``since`` goes back before the last end.
        metadata: anything; becomes JSON.
        overlap: what to do when another run of this script is alive: ``allow``, ``skip`` this
            one (raises ``runlog.Skipped``, a SystemExit with code 0), ``wait`` for its end, or
            ``fail`` (raises ``OverlapError``).
        lifecycle_logs: write the START, END and ERROR entries.
        expects: what is expected of the script, for alerts: ``{"schedule": "0 2 * * *"}``.
    """

    def __init__(
        self,
        script_name: str,
        *,
        triggered_by: str | None = None,
        batch_id: UUID | str | None = None,
        sync_mode: str | None = None,
        sync_start_date: datetime | None = None,
        sync_end_date: datetime | None = None,
        overlap_window: timedelta | None = None,
        metadata: Mapping[str, Any] | None = None,
        overlap: Overlap = "allow",
        lifecycle_logs: bool = True,
        expects: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(run_to_join() or new_id(), script_name)
        self.triggered_by = triggered_by
        self.batch_id = as_uuid(batch_id)
        self.sync_mode = sync_mode
        self.set_window(sync_start_date, sync_end_date, overlap_window)
        self.metadata = dict(metadata or {})
        self.overlap: Overlap = checked(overlap)
        self.lifecycle_logs = lifecycle_logs
        self._expects = expects
        if expects is not None:
            # Imported by those who declare; a typo must not switch a watch off.
            from runlog import _expectations

            self.note(expects=_expectations.checked(expects))

    @property
    def id(self) -> UUID:
        """The run's id, known before the row is there."""
        from uuid import UUID

        return UUID(self.id_text)

    def copy(self) -> Self:
        """Return a run of the same settings and a new id, not started."""
        return type(self)(
            self.script_name,
            triggered_by=self.triggered_by,
            batch_id=self.batch_id,
            sync_mode=self.sync_mode,
            sync_start_date=self.sync_start_date,
            sync_end_date=self.sync_end_date,
            overlap_window=self.overlap_window,
            metadata=self.metadata,
            overlap=self.overlap,
            lifecycle_logs=self.lifecycle_logs,
            expects=self._expects,
        )

    def step(self, name: str) -> Any:
        """Give entries logged in ``with run.step("FETCH"):`` that step, unless they name one."""
        return step(name)

    def alert(
        self, message: str, *, severity: str = "warning", meta: Mapping[str, Any] | None = None
    ) -> None:
        """Ask to be told of something: an entry of step ALERT, see ``runlog.alert``."""
        if (recorder := self._recorder) is not None:
            quietly(lambda: record_alert(recorder, self.id_text, message, severity, meta))

    def start(self) -> Self:
        """Begin the run; ``with`` and the decorator do it for you.

        A run that is begun here and never finished ends as the process does.

        Raises:
            Skipped: with ``overlap="skip"``, another run of this script is alive.
            OverlapError: with ``overlap="fail"``, another run of this script is alive.
            DatabaseUnavailableError: whether one is alive could not be asked.
        """
        try:
            for pause in self._starting():
                time.sleep(pause)
            return self  # noqa: TRY300 - until it is returned
        except BaseException as error:
            self._take_back(error)
            raise

    def _starting(self) -> Iterator[float]:
        """Begin the run; yields seconds to wait while another run is in the way."""
        quietly(self._prepare)
        if self.overlap != "allow" and not self.is_joined:
            claim = Claim(self._recorder, self.id_text, self.script_name, self._new_event)
            yield from claims(claim, self.overlap)
        quietly(self._begin)

    def _prepare(self) -> None:
        joined = run_to_join()
        self.is_joined = joined is not None
        if joined is not None or self.id_text == open_runs.inherited_run_id():
            # Made outside of the run that is around now, or the other way round.
            self.id_text = joined or new_id()
        self.triggered_by = self.triggered_by or origin.triggered_by(os.environ)
        self.batch_id = self.batch_id or inherited() or self.id
        self._recorder = registry.active()
        if self._recorder is not None and not self.is_joined:
            argv = self._recorder.encoder.redact_argv(origin.script_arguments())
            self.about = {**origin.about(os.environ, argv), **self.about}
        self.note_backfill()

    def _new_event(self, recorder: Recorder) -> dict[str, Any]:
        # The time of waiting is not the run's.
        self.begin_now()
        return recorder.start_event(self)

    def _begin(self) -> None:
        if self._is_block:
            process_end.look()
        else:
            process_end.watch()
        self._end_with_process()
        self._token = open_runs.run_variable.set(self)
        self._export = Export(self.batch_id or self.id)
        if self._recorder is None:
            return
        if self.is_joined:
            self._part = Part(self, self._recorder)
        else:
            self._recorder.start_run(self)
        self._watch_signals()
        self._log_start()

    def __enter__(self) -> Self:
        """Start the run."""
        self._is_block = True
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run as ``error`` says; the exception goes on."""
        self.end(ending_of(error))

    async def __aenter__(self) -> Self:
        """Start the run; other tasks go on while this one waits for another run's end."""
        import asyncio

        self._is_block = True
        try:
            for pause in self._starting():
                await asyncio.sleep(pause)
            return self  # noqa: TRY300 - until it is returned
        except BaseException as error:
            self._take_back(error)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run as ``error`` says; the exception goes on."""
        self.end(ending_of(error))


def current_run() -> RunContext | None:
    """Return the run that a record logged here would belong to, None outside of any."""
    run = open_runs.current()
    return run if isinstance(run, RunContext) else None
