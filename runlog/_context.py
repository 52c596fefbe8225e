"""RunContext: one execution of a script, from its start to however it ends.

Runs on the caller's thread. Nothing here waits for the database and nothing raises because of
runlog (``overlap`` and ``since`` are questions to the database and live in ``_questions``).
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

from . import _binding, _detect, _process
from ._decorate import Decorator
from ._endings import ABANDONED, FINISHED, Ending, describe_error, ending_of
from ._notices import notices
from ._process_end import at_end, process_end
from ._run import COUNTS, RunState
from ._signals import SignalWatch
from ._stack import exception_meta
from ._uuid7 import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextvars import Token
    from datetime import datetime, timedelta
    from decimal import Decimal
    from types import TracebackType

    from ._recorder import Recorder

_BATCH_VARIABLE = "RUNLOG_BATCH_ID"
_ERROR, _INFO = 40, 20
Overlap = Literal["allow", "skip", "wait", "fail"]


class RunContext(RunState, Decorator):
    """A run: a row in ``runs`` that is true however the script ends.

    Use it as ``with``, ``async with``, as a decorator of a function, or with ``start`` and
    ``finish``. Records logged inside, also in tasks and threads, are its entries. Attributes that
    are columns (``records_fetched`` … ``metadata``) may be set at any time and are stored with the
    heartbeat and at the end.

    Guarantees: no method raises because of runlog, its database or its disk, and none waits for
    the database. The exception that ends the block goes on unchanged.

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
        overlap: what to do when another run of this script is alive.
        lifecycle_logs: write the START, END and ERROR entries.
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
    ) -> None:
        super().__init__(new_id(), script_name)
        self.triggered_by = triggered_by
        self.batch_id = _uuid(batch_id)
        self.sync_mode = sync_mode
        self.sync_start_date = sync_start_date
        self.sync_end_date = sync_end_date
        self.overlap_window = overlap_window
        self.metadata = dict(metadata or {})
        self.overlap: Overlap = overlap
        self.lifecycle_logs = lifecycle_logs
        self._recorder: Recorder | None = None
        self._token: Token[_binding.BoundRun | None] | None = None
        self._exported_batch = False
        self._is_block = False
        self.ending: Ending | None = None

    @property
    def id(self) -> UUID:
        """The run's id, known before the row is there."""
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
        )

    def count(
        self,
        *,
        fetched: int = 0,
        inserted: int = 0,
        updated: int = 0,
        failed: int = 0,
        calls_analyzed: int = 0,
        api_cost: float | Decimal | str = 0,
    ) -> None:
        """Add to the counts of the run, from any thread; a count never added to stays null."""
        amounts = dict(zip(COUNTS, (fetched, inserted, updated, failed), strict=True))
        named: dict[str, Any] = {f"records_{name}": amount for name, amount in amounts.items()}
        named |= {"calls_analyzed": calls_analyzed, "api_cost": api_cost}
        for name, amount in named.items():
            if amount:
                try:
                    self.add(name, amount)
                except (TypeError, ValueError, ArithmeticError):
                    notices.change(
                        "count", name, f"count({name}={amount!r}) is no number; not added"
                    )

    def step(self, name: str) -> Any:
        """Give entries logged in ``with run.step("FETCH"):`` that step, unless they name one."""
        return step(name)

    def start(self) -> Self:
        """Begin the run; ``with`` and the decorator do it for you.

        A run that is begun here and never finished ends as the process does.
        """
        try:
            if not self._is_block:
                process_end.watch()
            self._start()
        except Exception as error:
            notices.change("run", repr(error), f"the run could not be recorded: {error!r}")
        return self

    def _start(self) -> None:
        enclosing = _binding.run_variable.get()
        self.triggered_by = self.triggered_by or _detect.triggered_by(os.environ)
        self._join_batch(enclosing)
        self._recorder = _process.active()
        if self._recorder is None:
            self._token = _binding.run_variable.set(self)
            return
        argv = self._recorder.encoder.redact_argv(_detect.script_arguments())
        self.about = _detect.about(os.environ, argv)
        self._recorder.start_run(self)
        self._token = _binding.run_variable.set(self)
        _watch.start()
        at_end(_end_with_process)
        if self.lifecycle_logs:
            meta = {"triggered_by": self.triggered_by, "sync_mode": self.sync_mode}
            known = {name: value for name, value in meta.items() if value is not None}
            self._log(_INFO, "INFO", "START", f"Starting {self.script_name}", known)

    def _join_batch(self, enclosing: _binding.BoundRun | None) -> None:
        inherited = enclosing.batch_id if isinstance(enclosing, RunContext) else None
        self.batch_id = (
            self.batch_id or inherited or _uuid(os.environ.get(_BATCH_VARIABLE)) or self.id
        )
        if _BATCH_VARIABLE not in os.environ:
            # For child processes; taken back at the end.
            os.environ[_BATCH_VARIABLE] = str(self.batch_id)
            self._exported_batch = True

    def finish(self, error: BaseException | None = None) -> None:
        """End the run: as a success, or as what ``error`` says. The first call counts."""
        self.end(ending_of(error) if error is not None else FINISHED)

    def end(self, ending: Ending, *, stay_bound: bool = False) -> None:
        """Record ``ending`` as the run's final state, unless it has one.

        With ``stay_bound`` what is logged later in this context is still its entry.
        """
        if self.ending is not None:
            return
        self.ending = ending
        try:
            self._end(ending)
        except Exception as error:
            notices.change("run", repr(error), f"the run's end could not be recorded: {error!r}")
        finally:
            if not stay_bound:
                self._unbind()

    def _end(self, ending: Ending) -> None:
        if self._exported_batch:
            os.environ.pop(_BATCH_VARIABLE, None)
        if self._recorder is None:
            return
        if not self.is_own:
            # A forked child left the block that its parent is still in.
            self._recorder.forget_run(self)
            return
        self.about["outcome"] = ending.outcome
        if self.sync_end_date is None:
            self.sync_end_date = self.started_at
        if self.lifecycle_logs:
            self._log_end(ending)
        self._recorder.finish_run(self, ending.status, ending.error_message)
        if not self._recorder.open_ids():
            _watch.stop()

    def _log_end(self, ending: Ending) -> None:
        counts = {**self.counts(), "duration_ms": self.duration_ms()}
        if ending.status == "success":
            self._log(_INFO, "INFO", "END", f"{self.script_name} completed successfully", counts)
        else:
            meta = {**describe_error(ending, exception_meta), **counts}
            self._log(_ERROR, "ERROR", "ERROR", ending.error_message, meta)

    def _log(self, levelno: int, levelname: str, step: str, message: object, meta: Any) -> None:
        if self._recorder is not None:
            self._recorder.record(
                self.id_text, time.time(), levelno, levelname, step, message, meta
            )

    def _unbind(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            try:
                _binding.run_variable.reset(token)
            except ValueError:
                # finish() in another context than start(): nothing to put back here.
                return

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
        """Start the run."""
        self._is_block = True
        return self.start()

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
    run = _binding.current()
    return run if isinstance(run, RunContext) else None


@contextmanager
def step(name: str) -> Iterator[None]:
    """Give entries logged inside the block the step ``name``, unless they name one themselves."""
    token = _binding.step_variable.set(name)
    try:
        yield
    finally:
        _binding.step_variable.reset(token)


def _end_by_signal(ending: Ending) -> None:
    for run in list(_binding.open_runs.values()):
        if isinstance(run, RunContext) and run.is_own:
            run.end(ending)
    _process.close_all()


_watch = SignalWatch(_end_by_signal)


def _end_with_process() -> None:
    """End what is still open; a block that the process leaves open was not left at all."""
    ending = process_end.ending()
    for run in reversed(list(_binding.open_runs.values())):
        if isinstance(run, RunContext) and run.is_own:
            run.end(ABANDONED if run._is_block else ending, stay_bound=True)  # noqa: SLF001


def _uuid(value: object) -> UUID | None:
    if value is None or isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        notices.change("batch_id", str(value), f"batch_id={value!r} is no UUID; ignored")
        return None
