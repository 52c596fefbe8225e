"""How a run ends: once, also when a signal comes in the middle, at the latest with its process.

Lives here: the end of one run, and of all that are open when the process ends. Not here: what an
ending is (``_process.ending``) and which one the process has (``_process.main_program``).
Runs on the caller's thread, in a signal handler, or at the interpreter's exit; only the last two
wait, for the last delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._process import fork
from runlog._process.ending import ABANDONED, Ending, ending_of
from runlog._process.exit import at_end
from runlog._process.main_program import process_end
from runlog._process.signals import SignalWatch
from runlog._process.state import put_back
from runlog._recorder import open_runs, registry
from runlog._run.batch import Export
from runlog._run.row import quietly
from runlog._run.unheard import tell_unheard

if TYPE_CHECKING:
    from contextvars import Token

    from runlog._recorder.run_state import RunState
    from runlog._run.journal import Journal
    from runlog._run.row import Row
    from runlog._run.window import Window


class End:
    """The end of one run, from the moment when it begins.

    Attributes:
        context: the ``RunContext``.
        row: the run's row.
        journal: what the run writes into it.
        is_block: whether the run has a block that will be left.
        ending: how it ended; None while it has not.
    """

    def __init__(self, context: Any, row: Row, window: Window, journal: Journal) -> None:
        self.context = context
        self.is_block = False
        self.ending: Ending | None = None
        self.row = row
        self.journal = journal
        self._window = window
        self._failure: Ending | None = None
        self._token: Token[RunState | None] | None = None
        self._export: Export | None = None

    def expect(self) -> None:
        """See to it that the run does not outlive the process, and is around what follows."""
        if self.is_block:
            process_end.look()
        else:
            process_end.watch()
        at_end(_end_all)
        state = self.row.state
        state.holder = self
        self._token = open_runs.run_variable.set(state)
        self._export = Export(state.get("batch_id") or state.id_text)

    def watch_signals(self) -> None:
        """Have signals that end the process end the run."""
        _watch.start()

    def will_be(self, failure: Ending) -> None:
        """Have the run end as ``failure`` says, where it would end well; the first one counts."""
        self._failure = self._failure or failure

    def end(self, ending: Ending, *, stay_bound: bool = False) -> None:
        """Record ``ending`` as the run's final state, unless it has one.

        With ``stay_bound`` what is logged later in this context is still its entry.
        """
        if self.ending is not None:
            return
        if ending.status == "success" and self._failure is not None:
            ending = self._failure
        self.ending = ending
        try:
            self._end(ending)
        except BaseException:
            # Ctrl-C in the middle of it: the row gets its end all the same.
            self.make_final()
            raise
        finally:
            if not stay_bound:
                self.unbind()

    def _end(self, ending: Ending) -> None:
        if self._export is not None:
            self._export.take_back()
        if self.row.recorder is None:
            return
        if not self.row.state.is_own:
            # A forked child left the block that its parent is still in.
            quietly(self.row.forget)
            return
        quietly(lambda: self._tell(ending))
        quietly(lambda: tell_unheard(self.row.state.script_name), "the loggers cannot be asked")
        # Whatever became of the rest.
        quietly(lambda: self.row.finish(ending))
        if not self.row.is_part:
            what = "the run is recorded; GitHub could not be told of it"
            quietly(lambda: self.journal.tell_github(ending), what)
        if not self.row.recorder.open_ids():
            _watch.stop()

    def _tell(self, ending: Ending) -> None:
        state = self.row.state
        state.metadata.take_again()
        self._window.note_kind()
        self.journal.log_end(ending)
        if not self.row.is_part:
            state.note(outcome=ending.outcome)
            if self.row.recorder is not None and (losses := self.row.recorder.losses()):
                # Watchers tell of a host that does not deliver everything.
                state.note(backlog=losses)
            self._window.close(ending)

    def make_final(self) -> None:
        """Record the end once more, unless that was done: a signal came in the middle of it."""
        ending = self.ending
        if ending is not None and self.row.is_open():
            quietly(lambda: self.row.finish(ending))

    def unbind(self) -> None:
        """Have what is logged from here on belong to the run around."""
        token, self._token = self._token, None
        if token is not None:
            put_back(open_runs.run_variable, token)

    def take_back(self, error: BaseException) -> None:
        """End what Ctrl-C has interrupted at its begin: a block not entered is not left either."""
        if open_runs.run_variable.get() is self.row.state:
            if not self.row.is_open():
                self.row.recorder = None
            self.end(ending_of(error))
        elif self.ending is None:
            # It was not let begin; a later use is another run.
            self.ending = ending_of(error)


def _own_ends() -> list[End]:
    """Return the runs of this process that are open, the innermost first."""
    states = [state for state in reversed(list(open_runs.runs.open.values())) if state.is_own]
    return [state.holder for state in states if isinstance(state.holder, End)]


def _last_ends() -> list[End]:
    """Return the runs that end with the process; what other threads log meanwhile stays theirs."""
    ends = _own_ends()
    states = [end.row.state for end in ends]
    open_runs.runs.ended_with_process = states or open_runs.runs.ended_with_process
    return ends


def _end_all() -> None:
    """End what is still open; a block that the process leaves open was not left at all."""
    ending = process_end.ending()
    for run in _last_ends():
        run.end(ABANDONED if run.is_block else ending, stay_bound=True)
        run.make_final()


def _end_by_signal(ending: Ending) -> None:
    for run in _last_ends():
        run.end(ending, stay_bound=True)
        run.make_final()
    registry.close_all()


_watch = SignalWatch(_end_by_signal)
fork.in_child(fork.InChild.SIGNALS, _watch.after_fork_in_child)
