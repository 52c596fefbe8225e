"""What a script tells a run while it runs: counts, checkpoints, entries.

Runs on the caller's thread, counts on any. Nothing blocks or raises, but ``legacy_id`` waits for
the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from runlog._entry.levels import DEBUG, ERROR, INFO, WARNING
from runlog._process.notices import notices
from runlog._recorder import columns
from runlog._recorder.progress import Progress, total_of
from runlog._recorder.run_state import COUNTS
from runlog._run import bar
from runlog._run.alert import record_alert
from runlog._run.row import quietly
from runlog._run.uses import Reusable
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date, datetime
    from decimal import Decimal


_T = TypeVar("_T")


class Verbs(Reusable):
    """The verbs of ``RunContext`` that add to it."""

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
                self._state.add(name, amount)
        self._use.row.tell_if_due()

    def checkpoint(self, moment: datetime | date | str) -> None:
        """Say that everything before ``moment`` is synced, whatever becomes of the run.

        The next run's ``since`` begins there, unless this one succeeds: then its
        ``sync_end_date`` counts. It is stored at once and survives the death of the process. A
        later checkpoint takes the place of an earlier one; in a backfill none counts.

        Args:
            moment: without a zone it is local time.
        """
        self._use.window.reach(moment)

    def track(
        self, items: Iterable[_T], *, total: int | None = None, description: str = ""
    ) -> Iterator[_T]:
        """Iterate over ``items`` and show how far that is: ``for deal in run.track(deals):``.

        On a terminal there is a bar. With every heartbeat ``metadata.runlog.progress`` tells
        ``done``, ``total``, ``rate`` (a second) and ``eta_seconds``. An item is done when the next
        one is asked for; a loop inside another one is shown while it lasts.

        Args:
            items: anything that can be iterated over.
            total: how many they are; default: their length, if they have one.
            description: what is done.
        """
        what = columns.text(description) or ""
        if (recorder := self._use.row.recorder) is not None:
            what = recorder.encoder.redact_text(what)
        progress = Progress(what, total_of(items, total))
        self._state.begin_loop(progress)
        return progress.over(items, bar.show(progress))

    def debug(self, step: object, message: object = None, /, **meta: Any) -> None:
        """Write a DEBUG entry, as ``info`` does."""
        self._write(DEBUG, "DEBUG", step, message, meta)

    def info(self, step: object, message: object = None, /, **meta: Any) -> None:
        """Write an INFO entry: ``run.info("FETCH", "Found 150", count=150)``.

        It is stored whether or not the program has a handler, and printed nowhere.

        Args:
            step: the entry's step; left out (``run.info("Found 150")``) it is the active one.
            message: what happened.
            meta: further fields, any values.
        """
        self._write(INFO, "INFO", step, message, meta)

    def warning(self, step: object, message: object = None, /, **meta: Any) -> None:
        """Write a WARNING entry, as ``info`` does."""
        self._write(WARNING, "WARNING", step, message, meta)

    def error(self, step: object, message: object = None, /, **meta: Any) -> None:
        """Write an ERROR entry, as ``info`` does; the run goes on, see ``fail``."""
        self._write(ERROR, "ERROR", step, message, meta)

    def alert(
        self, message: str, *, severity: str = "warning", meta: Mapping[str, Any] | None = None
    ) -> None:
        """Ask to be told of something: an entry of step ALERT, see ``runlog.alert``."""
        recorder, run_id = self._use.row.recorder, self._state.id_text
        if recorder is not None:
            quietly(lambda: record_alert(recorder, run_id, message, severity, meta))

    def _write(self, levelno: int, level: str, step: object, message: object, meta: Any) -> None:
        if message is None:
            step, message = None, step
        self._use.journal.write(levelno, level, step, message, meta)

    @property
    def legacy_id(self) -> int | None:
        """The number that the database gave the run's row; None as long as it is not known.

        Waits until the row is there and answers, once; when the database is away that is said on
        stderr, and asked again the next time.
        """
        recorder, state = self._use.row.recorder, self._state
        if state.legacy_id is None and recorder is not None and recorder.has_database:
            from runlog._run.cursor import legacy_id_of

            try:
                state.legacy_id = legacy_id_of(recorder, state.id_text)
            except RunlogError as error:
                notices.change("legacy_id", str(error), str(error))
        return state.legacy_id
