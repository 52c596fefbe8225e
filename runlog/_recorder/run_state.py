"""One run's state: what becomes the columns of its row in ``runs``, and the events that carry it.

Nothing here writes: ``_recorder`` appends the events to the spool. What is given becomes storable
at that moment (``columns``, ``facts``), on the thread that gives it; the events are made of that
alone, so whoever makes them, the shipper's thread too, calls nothing of the user's.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runlog._entry.meta import as_dict
from runlog._entry.texts import repr_of, shorten, text_of
from runlog._process import clock
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices
from runlog._process.usage import Usage
from runlog._recorder.columns import INTEGER_MAX, PARSERS, sum_of
from runlog._recorder.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._recorder.progress import Progress

COUNTS = ("fetched", "inserted", "updated", "failed")
FIGURES = (*(f"records_{count}" for count in COUNTS), "calls_analyzed", "api_cost")
"""The columns that ``add`` adds to."""

_NOT_UPDATED = "script_name"
_SHOWN = 200


class RunState:
    """The columns of a run; those that stay None are stored as null.

    Attributes:
        id_text: the run's id.
        started_at: when it began.
        metadata: what the user gave, see ``Facts``.
        holder: what stands for this run in the program, for who finds it among the open runs.
        around: the run in whose block this one began.
        is_whole_process: whether it was begun for the whole process, by ``install``.
        legacy_id: the number that the database gave its row, once somebody has asked.
    """

    def __init__(self, run_id: str, script_name: object) -> None:
        self.id_text = run_id
        self.pid = os.getpid()
        self.started_at = datetime.now(UTC)
        self.holder: Any = None
        self.around: RunState | None = None
        self.is_whole_process = False
        self.legacy_id: int | None = None
        self.metadata = Facts()
        self.is_begun = False
        """Whether the row may be there: its name then stays."""
        self._started_clock = clock.monotonic()
        # Re-entrant: a signal handler may count in the middle of a count.
        self._lock = threading.RLock()
        self._values: dict[str, Any] = {"script_name": "unnamed", "triggered_by": None}
        self._notes = Facts()
        """What becomes ``metadata.runlog``."""
        self._last_progress: dict[str, Any] | None = None
        self._loops: list[Progress] = []
        """What is under way, the innermost last; the last one that was, when nothing is."""
        self._usage: Usage | None = None
        self.put("script_name", script_name)

    def renew_lock(self) -> None:
        """Replace the lock in a forked child: its holder may be a thread that is not there."""
        self._lock = threading.RLock()

    @property
    def is_own(self) -> bool:
        """Tell whether this process started the run (a forked child did not)."""
        return self.pid == os.getpid()

    @property
    def script_name(self) -> str:
        """The script's name."""
        return str(self._values["script_name"])

    def get(self, column: str) -> Any:
        """Return what ``column`` holds."""
        return self._values.get(column)

    def put(self, column: str, value: object) -> None:
        """Give ``column`` a value; what it cannot take is told once, and left out."""
        if column == _NOT_UPDATED and self.is_begun:
            tell_refused(
                column, f"{column} = {_shown(value)}", "the run has begun and keeps its name"
            )
            return
        try:
            taken = PARSERS[column](value)
        except Exception as error:
            if is_interrupt(error):
                raise
            tell_refused(column, f"{column} = {_shown(value)}", _remedy(error))
            return
        with self._lock:
            self._values[column] = taken
        self._tell_too_many(column, taken)

    def add(self, column: str, amount: object) -> None:
        """Add ``amount`` to ``column``; what is no number is told once, and not added."""
        try:
            taken = PARSERS[column](amount)
        except Exception as error:
            if is_interrupt(error):
                raise
            short = column.removeprefix("records_")
            tell_refused(column, f"count({short}={_shown(amount)})", _remedy(error))
            return
        with self._lock:
            before = self._values.get(column)
            total = taken if before is None else sum_of(before, taken)
            self._values[column] = total
        self._tell_too_many(column, total)

    def _tell_too_many(self, column: str, value: Any) -> None:
        if type(value) is int and abs(value) > INTEGER_MAX:
            told = (
                f"{column} = {_shown(value)} is more than the column holds; {INTEGER_MAX} is stored"
            )
            notices.change("too many", column, told)

    def put_metadata(self, facts: object) -> None:
        """Take a mapping in place of the metadata so far; anything else is told, and left out."""
        if facts is self.metadata:
            return
        if not _is_mapping(facts):
            tell_refused("metadata", f"metadata = {_shown(facts)}", "use a dict")
            return
        taken = facts.again() if isinstance(facts, Facts) else Facts(as_dict(facts))
        if self.metadata.writer is not None:
            taken.write_with(self.metadata.writer)
        self.metadata = taken

    def note(self, **facts: Any) -> None:
        """Add facts to ``metadata.runlog``."""
        self._notes.update(facts)

    def begin_loop(self, progress: Progress) -> None:
        """Show how far ``progress`` is with every event."""
        self._loops = [*(loop for loop in self._loops if not loop.is_over), progress]

    def _measure(self, *, is_end: bool = False) -> None:
        """Note how far the loops are and what is used; nothing of the user's is called."""
        if self._loops:
            current = next((loop for loop in reversed(self._loops) if not loop.is_over), None)
            self._notes.put_plain("progress", (current or self._loops[-1]).numbers())
        if self._usage is not None and (is_end or self._usage.has_grown()):
            for name, number in self._usage.numbers().items():
                self._notes.put_plain(name, number)

    def noted(self, name: str) -> Any:
        """Return a fact of ``metadata.runlog``; None when there is none."""
        return self._notes.get(name)

    def begin_now(self) -> None:
        """Let the run's time begin here."""
        self.started_at = datetime.now(UTC)
        self._started_clock = clock.monotonic()

    def duration_ms(self) -> int:
        """Return milliseconds since the start, by a clock that never jumps."""
        milliseconds = int((clock.monotonic() - self._started_clock) * 1000)
        return max(0, min(milliseconds, INTEGER_MAX))

    def counts(self) -> dict[str, Any]:
        """Return the counts that were set, by column."""
        values = {column: self._values.get(column) for column in FIGURES}
        return {column: value for column, value in values.items() if value is not None}

    def start_event(self, to_json: Callable[[Any], str]) -> dict[str, Any]:
        """Return the event that inserts the row."""
        self.is_begun = True
        self._usage = self._usage or Usage()
        return {
            "event": "start",
            "is_owner": self.is_own,
            "script_name": self.script_name,
            "started_at": self.started_at.isoformat(),
            **self._columns(to_json),
        }

    def progress_event(self, to_json: Callable[[Any], str]) -> dict[str, Any] | None:
        """Return the event that updates the row while running; None when nothing has changed."""
        self._measure()
        columns = self._columns(to_json)
        if columns == self._last_progress:
            return None
        self._last_progress = columns
        return {"event": "update", **columns}

    def finish_event(
        self, status: str, error_message: str | None, to_json: Callable[[Any], str]
    ) -> dict[str, Any]:
        """Return the event that gives the row its final state."""
        self._measure(is_end=True)
        return {
            "event": "finish",
            "status": status,
            "error_message": error_message,
            # The clock may have been set back meanwhile.
            "finished_at": max(datetime.now(UTC), self.started_at).isoformat(),
            "duration_ms": self.duration_ms(),
            **self._columns(to_json),
        }

    def _columns(self, to_json: Callable[[Any], str]) -> dict[str, Any]:
        with self._lock:
            columns = {
                column: _as_event(self._values.get(column))
                for column in PARSERS
                if column != _NOT_UPDATED
            }
            return {"id": self.id_text, **columns, "metadata": self._metadata(to_json)}

    def _metadata(self, to_json: Callable[[Any], str]) -> str:
        for facts in (self.metadata, self._notes):
            if facts.writer is None:
                # The first event; its thread has started the run.
                facts.write_with(to_json)
        notes = ",".join(self._notes.pieces())
        return "{" + ",".join([*self.metadata.pieces(), f'"runlog":{{{notes}}}']) + "}"


def _as_event(value: Any) -> Any:
    """Return a column's value as its event has it: too large becomes the largest."""
    if type(value) is int:
        return max(-INTEGER_MAX, min(value, INTEGER_MAX))
    if type(value) is datetime:
        return value.isoformat()
    return str(value) if type(value) is Decimal else value


def _is_mapping(value: object) -> bool:
    from collections.abc import Mapping

    # By its type: a value may lie about its class, or raise.
    return issubclass(type(value), Mapping)


def tell_refused(topic: str, what: str, why: str) -> None:
    """Say that ``what`` is not taken, once for each ``topic``: a loop must not fill the screen."""
    notices.explain("refused", "some", topic, f"run.{what} is not taken; {why}")


def _remedy(error: Exception) -> str:
    return text_of(error) if type(error) is ValueError else "use another value"


def _shown(value: object) -> str:
    return shorten(repr_of(value), _SHOWN)
