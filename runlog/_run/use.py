"""One use of a RunContext: from the settings over the begin to the end of one run.

Runs on the caller's thread; waits for the database only where ``overlap`` asks it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from runlog._entry.ids import new_id
from runlog._process import origin
from runlog._process.interrupts import is_interrupt
from runlog._process.state import put_back
from runlog._recorder import open_runs, registry
from runlog._recorder.run_state import RunState
from runlog._run.batch import inherited
from runlog._run.end import End
from runlog._run.handed_down import run_to_join
from runlog._run.journal import Journal
from runlog._run.overlap import Claim, checked, claims, refuse_inside
from runlog._run.row import Row, quietly
from runlog._run.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextvars import Token

    from runlog._process.ending import Ending
    from runlog._recorder.recorder import Recorder

_COLUMNS = ("triggered_by", "batch_id", "sync_mode", "sync_start_date", "sync_end_date")
_DATES = ("sync_start_date", "sync_end_date")


class Use:
    """The parts of one run.

    Args:
        settings: the arguments of ``RunContext``, by name.
    """

    SETTINGS = frozenset(
        {"script_name", *_COLUMNS, "overlap_window", "cursor", "metadata", "overlap",
         "lifecycle_logs", "expects"}
    )  # fmt: skip

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)
        self._overlap = checked(settings["overlap"])
        self.state = RunState(run_to_join() or new_id(), settings["script_name"])
        for column in _COLUMNS:
            if settings[column] is not None:
                self.state.put(column, settings[column])
        if settings["metadata"] is not None:
            self.state.put_metadata(settings["metadata"])
        self._template = self.state.metadata.again()
        if settings["expects"] is not None:
            # Imported by those who declare; a typo must not switch a watch off.
            from runlog import _expectations

            self._settings["expects"] = _expectations.checked(settings["expects"])
            self.state.note(expects=self._settings["expects"])
        self.row = Row(self.state)
        self.window = self._new_window()
        self.journal = Journal(self.row, lifecycle_logs=_is_wanted(settings["lifecycle_logs"]))
        self.is_claimed = False
        """Whether it has begun, or is about to."""
        self.is_over = False
        self._end: End | None = None
        self._is_guest = False
        self._token: Token[RunState | None] | None = None

    @property
    def ending(self) -> Ending | None:
        """How the run ended; None while it has not."""
        return self._end.ending if self._end is not None else None

    def _new_window(self) -> Window:
        return Window(
            self.row,
            cursor=self._settings["cursor"],
            overlap_window=self._settings["overlap_window"],
            has_own_dates=any(self._settings[date] is not None for date in _DATES),
        )

    def settings(self) -> dict[str, Any]:
        """Return the settings of another run like this one, as they were taken."""
        given = {**self._settings, "metadata": self._template}
        if not self.is_claimed:
            given |= {column: self.state.get(column) for column in ("script_name", *_COLUMNS)}
            given["metadata"] = self.state.metadata
        return given

    def begin(self, context: Any, *, is_block: bool) -> Iterator[float]:
        """Begin the run of ``context``; yields seconds to wait while another run is in the way."""
        host = _installed(self.state.script_name)
        if host is not None and self._overlap == "allow":
            quietly(lambda: self._join(host))
            return
        self._prepare()
        if self._overlap != "allow" and not self.row.is_joined:
            refuse_inside(self.state.script_name, host)
            claim = Claim(
                self.row.recorder, self.state.id_text, self.state.script_name, self._new_event
            )
            yield from claims(claim, self._overlap)
        self._end = End(context, self.row, self.window, self.journal)
        self._end.is_block = is_block
        quietly(self._begin)

    def _prepare(self) -> None:
        """Find out what is not given; each fact may fail without the others."""
        quietly(self._find_row)
        state = self.state
        state.around = open_runs.run_variable.get()
        quietly(self._detect_trigger, "what triggered the run is not known")
        if state.get("batch_id") is None:
            quietly(lambda: state.put("batch_id", inherited()), "the batch is not known")
        if state.get("batch_id") is None:
            state.put("batch_id", state.id_text)
        if self.row.recorder is not None and not self.row.is_joined:
            quietly(self._tell_origin, "where the run comes from is not known")
        quietly(self.window.note_kind)

    def _find_row(self) -> None:
        recorder = self.row.recorder = registry.active()
        joined = run_to_join(recorder.settings if recorder is not None else None)
        self.row.is_joined = joined is not None
        if joined is not None or self.state.id_text == os.environ.get(open_runs.RUN_ID_VARIABLE):
            # Made outside of the run that is around now, or the other way round.
            self.state.id_text = joined or new_id()

    def _detect_trigger(self) -> None:
        if self.state.get("triggered_by") is None:
            self.state.put("triggered_by", origin.triggered_by(os.environ))

    def _tell_origin(self) -> None:
        assert self.row.recorder is not None  # noqa: S101 - for the type checker
        argv = self.row.recorder.encoder.redact_argv(origin.script_arguments())
        self.state.note(**origin.about(os.environ, argv))

    def _new_event(self, recorder: Recorder) -> dict[str, Any]:
        # The time of waiting is not the run's.
        self.state.begin_now()
        return recorder.start_event(self.state)

    def _begin(self) -> None:
        assert self._end is not None  # noqa: S101 - for the type checker
        self._end.expect()
        self.row.begin()
        quietly(self.journal.expect_github, "GitHub cannot be told")
        if self.row.recorder is not None:
            self._end.watch_signals()
            self.journal.log_start(self.window.overlap_window)

    def _join(self, host: RunState) -> None:
        """Be what ``install`` has begun: one execution is one row."""
        end = host.holder
        assert isinstance(end, End)  # noqa: S101 - see _installed
        mine, self.state = self.state, host
        for column in _COLUMNS:
            if (value := mine.get(column)) is not None:
                host.put(column, value)
        host.metadata.update(mine.metadata)
        if self._settings["expects"] is not None:
            host.note(expects=self._settings["expects"])
        self._end, self._is_guest = end, True
        self.row, self.journal = end.row, end.journal
        self.window = self._new_window()
        self.window.note_kind()
        self._token = open_runs.run_variable.set(host)

    def fail(self, ending: Ending) -> None:
        """Have the run end as failed, whatever becomes of it."""
        if self._end is not None:
            self._end.will_be(ending)

    def leave(self, ending: Ending) -> None:
        """End the run; one that ``install`` has begun ends here only when it has failed."""
        self.is_over = self.is_claimed
        if self._end is None:
            return
        if not self._is_guest:
            self._end.end(ending)
            self._end.unbind()
            return
        if ending.status != "success":
            self._end.end(ending, stay_bound=True)
        if self._token is not None:
            put_back(open_runs.run_variable, self._token)

    def take_back(self, error: BaseException) -> None:
        """End what was not let begin, or was interrupted at its begin."""
        self.is_over = True
        if self._end is not None and not self._is_guest:
            self._end.take_back(error)


def _is_wanted(lifecycle_logs: object) -> bool:
    try:
        return bool(lifecycle_logs)
    except Exception as error:
        if is_interrupt(error):
            raise
        # What cannot say yes or no leaves it at what is usual.
        return True


def _installed(script_name: str) -> RunState | None:
    """Return the run that ``install`` has begun in this process, if it has this name."""
    for state in list(open_runs.runs.open.values()):
        is_named = state.is_whole_process and state.script_name == script_name
        if is_named and state.is_own and isinstance(state.holder, End):
            return state
    return None
