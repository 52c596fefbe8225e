"""The sync window of a run: where it begins (``since``), how far it got, whether it is a backfill.

Runs on the caller's thread. ``since`` is a question to the database and waits for the answer;
nothing else here blocks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runlog._entry.texts import repr_of
from runlog._process.interrupts import is_interrupt
from runlog._recorder import columns, registry
from runlog._recorder.run_state import tell_refused

if TYPE_CHECKING:
    from runlog._process.ending import Ending
    from runlog._run.row import Row

_FULL = "full"


class Window:
    """What one run syncs.

    Args:
        row: the run's.
        cursor: the cursor's name; None: the script's.
        overlap_window: how far ``since`` goes back before the last end.
        has_own_dates: the caller gave dates: with ``full`` they make the run a backfill.
    """

    def __init__(
        self, row: Row, *, cursor: object, overlap_window: object, has_own_dates: bool
    ) -> None:
        self._row = row
        self._cursor = _named(cursor)
        self.overlap_window = _checked(overlap_window)
        self._has_own_dates = has_own_dates
        self._since: list[datetime | None] = []
        self._is_used = False

    def note_kind(self) -> None:
        """Note what the columns cannot tell: a backfill, another cursor than the script's."""
        state = self._row.state
        if self._has_own_dates and state.get("sync_mode") == _FULL:
            state.note(backfill=True)
        if self._cursor not in {None, state.script_name}:
            state.note(cursor=self._cursor)

    def since(self) -> datetime | None:
        """Return where this sync begins; asked once, as ``RunContext.since`` tells."""
        self._is_used = True
        if not self._since:
            self._since.append(self._ask())
        return self._since[0]

    def _ask(self) -> datetime | None:
        from runlog._run.cursor import cursor_of

        state = self._row.state
        recorder = self._row.recorder or registry.active()
        moment = cursor_of(recorder, state, self._cursor, is_joined=self._row.is_joined)
        if moment is not None and self.overlap_window is not None:
            try:
                moment -= self.overlap_window
            except OverflowError:
                moment = datetime.min.replace(tzinfo=UTC)
        if state.get("sync_start_date") is None:
            state.put("sync_start_date", moment)
        return moment

    def reach(self, moment: Any) -> None:
        """Note a checkpoint; what is no moment is told."""
        try:
            reached = columns.moment(moment)
        except Exception as error:
            if is_interrupt(error):
                raise
            reached = None
        self._is_used = True
        if reached is None:
            shown = repr_of(moment)
            tell_refused("checkpoint", f"checkpoint({shown})", "it is no moment")
            return
        now = datetime.now(UTC)
        self._row.state.note(checkpoint=reached.isoformat(), checkpoint_at=now.isoformat())
        self._row.tell()

    def close(self, ending: Ending) -> None:
        """Give the row the window's end: only a sync that succeeded has one."""
        state = self._row.state
        end = state.get("sync_end_date")
        if ending.status != "success":
            if end is not None:
                state.note(sync_end_date=end.isoformat())
                state.put("sync_end_date", None)
        elif end is None and (self._is_used or state.get("sync_mode") or self._has_start()):
            state.put("sync_end_date", state.started_at)

    def _has_start(self) -> bool:
        return self._row.state.get("sync_start_date") is not None


def _named(cursor: object) -> str | None:
    try:
        return columns.text(cursor)
    except Exception as error:
        if is_interrupt(error):
            raise
        tell_refused("cursor", f"cursor = {repr_of(cursor)}", "use a text")
        return None


def _checked(window: object) -> timedelta | None:
    # By its type: what an object says of its class is code of the user's.
    if window is None:
        return None
    if issubclass(type(window), timedelta):
        exact: timedelta = timedelta.__pos__(window)  # type: ignore[arg-type] # as just asked
        return exact
    tell_refused("overlap_window", f"overlap_window = {repr_of(window)}", "use a timedelta")
    return None
