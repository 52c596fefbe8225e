"""The sync window of a run: where it begins (``since``), how far it got, whether it is a backfill.

Runs on the caller's thread. ``since`` is a question to the database and waits for the answer;
nothing else here blocks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runlog._process.notices import notices
from runlog._recorder import registry
from runlog._run.progress import Progress

if TYPE_CHECKING:
    from datetime import timedelta

_FULL = "full"


class SyncWindow(Progress):
    """A run, and the window of its sync."""

    def __init__(self, run_id: str, script_name: str) -> None:
        super().__init__(run_id, script_name)
        self.overlap_window: timedelta | None = None
        self._since: list[datetime | None] = []
        self._has_own_dates = False

    def set_window(
        self, begin: datetime | None, end: datetime | None, overlap: timedelta | None
    ) -> None:
        """Take the dates that the caller gave; with ``full`` they make the run a backfill."""
        self.sync_start_date, self.sync_end_date = begin, end
        self.overlap_window = overlap
        self._has_own_dates = begin is not None or end is not None

    def note_backfill(self) -> None:
        """Mark the run if it is a backfill, since the columns cannot tell."""
        if self._has_own_dates and self.sync_mode == _FULL:
            self.note(backfill=True)

    @property
    def since(self) -> datetime | None:
        """Where this sync begins: where the script's last success ended, less ``overlap_window``.

        In UTC; None when nothing was synced yet. Backfills and failed runs do not count, a
        checkpoint does. The database is asked at the first use and waited for; the answer then
        stays. It becomes ``sync_start_date``, unless that has a value.

        Raises:
            DatabaseUnavailableError: the database does not answer, or none is named.
            SchemaError: the tables are missing.
        """
        if not self._since:
            self._since.append(self._ask_since())
        return self._since[0]

    def _ask_since(self) -> datetime | None:
        from runlog._run.cursor import cursor_of, to_be_asked

        what = f"the cursor of {self.script_name!r}"
        recorder = to_be_asked(self._recorder or registry.active(), what)
        if recorder is None:
            return None
        moment = cursor_of(recorder, self.script_name, self.id_text if self.is_joined else None)
        if moment is not None and self.overlap_window is not None:
            moment -= self.overlap_window
        if self.sync_start_date is None:
            self.sync_start_date = moment
        return moment

    def checkpoint(self, moment: datetime) -> None:
        """Say that everything before ``moment`` is synced, whatever becomes of the run.

        The next run's ``since`` begins there, unless this one succeeds: then its
        ``sync_end_date`` counts. It is stored at once and survives the death of the process. A
        later checkpoint takes the place of an earlier one; in a backfill none counts.

        Args:
            moment: without a zone it is local time.
        """
        try:
            reached = moment.astimezone(UTC).isoformat()
        except (AttributeError, TypeError, OverflowError, ValueError, OSError):
            told = f"checkpoint({moment!r}) is no moment; not stored"
            notices.change("checkpoint", repr(moment), told)
            return
        self.note(checkpoint=reached, checkpoint_at=datetime.now(UTC).isoformat())
        self.tell_progress()
