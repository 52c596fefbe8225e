"""How a run ends: once, also when a signal comes in the middle, at the latest with its process.

Lives here: the end of one run, and of all that are open when the process ends. Not here: what an
ending is (``_process.ending``) and which one the process has (``_process.main_program``).
Runs on the caller's thread, in a signal handler, or at the interpreter's exit; only the last two
wait, for the last delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._process.ending import ABANDONED, FINISHED, Ending, ending_of
from runlog._process.exit import at_end
from runlog._process.main_program import process_end
from runlog._process.notices import notices
from runlog._process.signals import SignalWatch
from runlog._recorder import open_runs, registry
from runlog._run.window import SyncWindow

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from runlog._run.batch import Export


class RunEnd(SyncWindow):
    """A run, and its end."""

    def __init__(self, run_id: str, script_name: str) -> None:
        super().__init__(run_id, script_name)
        self.ending: Ending | None = None
        self._is_block = False
        self._token: Token[open_runs.BoundRun | None] | None = None
        self._export: Export | None = None

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
            quietly(lambda: self._end(ending))
        except BaseException:
            # Ctrl-C in the middle of it: the row gets its end all the same.
            self._make_final()
            raise
        finally:
            if not stay_bound:
                self._unbind()

    def _end(self, ending: Ending) -> None:
        if self._export is not None:
            self._export.take_back()
        if self._recorder is None:
            return
        if not self.is_own:
            # A forked child left the block that its parent is still in.
            self._forget()
            return
        self.note_backfill()
        self._log_end(ending)
        if self._part is not None:
            self._part.end()
        else:
            self.note(outcome=ending.outcome)
            if self.sync_end_date is None:
                self.sync_end_date = self.started_at
            self._recorder.finish_run(self, ending.status, ending.error_message)
            quietly(lambda: self._tell_github(ending))
        if not self._recorder.open_ids():
            _watch.stop()

    def _forget(self) -> None:
        if self._part is not None:
            self._part.forget()
        elif self._recorder is not None:
            self._recorder.forget_run(self)

    def _make_final(self) -> None:
        """Record the end once more, unless that was done: a signal came in the middle of it."""
        if self._recorder is not None and self.ending is not None and self._is_open():
            if self._part is not None:
                self._part.end()
            else:
                self._recorder.finish_run(self, self.ending.status, self.ending.error_message)

    def _is_open(self) -> bool:
        is_own = self._recorder is not None and self.id_text in self._recorder.open_ids()
        return is_own or self._part is not None

    def _unbind(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            try:
                open_runs.run_variable.reset(token)
            except ValueError:
                # finish() in another context than start(): nothing to put back here.
                return

    def _take_back(self, error: BaseException) -> None:
        """End what Ctrl-C has interrupted at its begin: a block not entered is not left either."""
        if open_runs.run_variable.get() is self:
            if not self._is_open():
                self._recorder = None
            self.end(ending_of(error))

    @staticmethod
    def _watch_signals() -> None:
        _watch.start()

    @staticmethod
    def _end_with_process() -> None:
        """See to it that the run does not outlive the process; before anything else of it."""
        at_end(_end_all)


def _own_runs() -> list[RunEnd]:
    """Return the runs of this process that are open, the innermost first."""
    runs = reversed(list(open_runs.open_runs.values()))
    return [run for run in runs if isinstance(run, RunEnd) and run.is_own]


def _last_runs() -> list[RunEnd]:
    """Return the runs that end with the process; what other threads log meanwhile stays theirs."""
    runs = _own_runs()
    open_runs.ended_with_process[:] = runs or open_runs.ended_with_process
    return runs


def _end_all() -> None:
    """End what is still open; a block that the process leaves open was not left at all."""
    ending = process_end.ending()
    for run in _last_runs():
        run.end(ABANDONED if run._is_block else ending, stay_bound=True)  # noqa: SLF001 - of this module
        run._make_final()  # noqa: SLF001 - as above


def _end_by_signal(ending: Ending) -> None:
    for run in _last_runs():
        run.end(ending, stay_bound=True)
        run._make_final()  # noqa: SLF001 - as above
    registry.close_all()


_watch = SignalWatch(_end_by_signal)


def quietly(action: Callable[[], None]) -> None:
    """Do it; what runlog fails at is told, and never raised into the script."""
    try:
        action()
    except Exception as error:
        notices.change("run", repr(error), f"the run could not be recorded: {error!r}")
