"""Spools whose process is gone: adopted, delivered, their runs closed, the folder removed.

One at a time, so that however many there are they take few descriptors. One that cannot be
delivered now, for its files, for a run that is not there yet, or for a row that the database may
not take, is given back and holds up no other. Runs under the shipper's lock, on whichever thread
ships.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from runlog._database import driver
from runlog._database.faults import is_of_a_row
from runlog._delivery.late_runs import LateRunsOfOrphan
from runlog._delivery.refusals import NotYetSureError
from runlog._delivery.sweep import tell_left
from runlog._process import clock
from runlog._process.fork import without_fork
from runlog._process.notices import notices
from runlog._spool.orphan import adopt_orphan, list_orphans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlog._delivery.late_runs import LateRuns
    from runlog._delivery.living_runs import LivingRuns
    from runlog._delivery.store import Store
    from runlog._spool.orphan import Death, OrphanedSpool

_LOOK_INTERVAL = 30.0


class Deliver(Protocol):
    """Delivers what waits in one orphan; True when nothing is left of it."""

    def __call__(self, orphan: OrphanedSpool, late_runs: LateRuns) -> bool: ...


class Orphans:
    """The orphaned spools of one database, as this process takes them over."""

    def __init__(
        self,
        *,
        database_folders: list[Path],
        own_folder: Callable[[], Path | None],
        store: Store,
        runs: LivingRuns,
        belongs_here: Callable[[OrphanedSpool], bool],
    ) -> None:
        """Deliver only what ``belongs_here``: what waits in it was meant for this database."""
        self._database_folders = database_folders
        self._own_folder = own_folder
        self._store = store
        self._runs = runs
        self._belongs_here = belongs_here
        self._next_look = 0.0
        self._is_asked = False
        self._at_hand: OrphanedSpool | None = None

    def look_again(self) -> None:
        """Look for orphans at the next pass, however short ago the last look was."""
        self._is_asked = True

    def bury_all(self, deliver: Deliver) -> None:
        """Deliver what waits in orphaned spools, oldest first, if it is time to look.

        Raises:
            psycopg.Error: an outage or a fault of the setup; the next pass looks again.
            NotYetSureError: one of them is refused, maybe not for itself; all others are delivered.
        """
        if clock.monotonic() < self._next_look and not self._is_asked:
            return
        # Now: who asks while it looks may have mended what it has seen already.
        self._is_asked = False
        # If this ends early there is more to do.
        self._next_look = 0.0
        doubt: NotYetSureError | None = None
        own = self._own_folder()
        left = [it for place in self._database_folders for it in list_orphans(place, own)]
        is_under_way = True
        while is_under_way:
            folders, left, is_under_way = left, [], False
            for folder in folders:
                try:
                    is_gone = self._bury(folder, deliver)
                except NotYetSureError as error:
                    doubt = doubt or error
                    continue
                # A run that one of them waits for may have been in another.
                is_under_way |= is_gone is True
                left += [folder] if is_gone is False else []
            is_under_way &= bool(left)
        if doubt is not None:
            raise doubt
        self._next_look = clock.monotonic() + _LOOK_INTERVAL

    def _bury(self, folder: Path, deliver: Deliver) -> bool | None:
        """Deliver one: True if it is gone, False if some of it is too early, None if neither."""
        topic, is_gone = f"orphan {folder}", False
        try:
            with without_fork():
                orphan = self._at_hand = adopt_orphan(folder)
            if orphan is None or not self._belongs_here(orphan):
                return None
            is_all = deliver(orphan, LateRunsOfOrphan(folder))
            self._close_runs(orphan)
            is_gone = is_all
        except OSError as error:
            # Of its files: out of descriptors, a disk that fails. Later, or by others.
            notices.change(topic, "unread", f"cannot read {folder}: {error}")
            return None
        finally:
            at_hand, self._at_hand = self._at_hand, None
            if at_hand is not None:
                at_hand.close(remove=is_gone)
        if is_gone and folder.parent not in self._database_folders[:1]:
            # The former folder of this database, empty one day.
            with contextlib.suppress(OSError):
                folder.parent.rmdir()
        if is_gone and notices.is_in(topic, "unread"):
            notices.settle(topic, "gone")
        return is_gone

    def _close_runs(self, orphan: OrphanedSpool) -> None:
        alive = datetime.fromtimestamp(orphan.last_sign_of_life, UTC)
        # A spool that this process closed before all was delivered may tell of runs that live on.
        own = set(self._runs.owned_ids())
        for death in [each for each in orphan.deaths if each.run_id not in own]:
            self._close_run(death, alive)

    def _close_run(self, death: Death, alive: datetime) -> None:
        try:
            self._store.sweep(
                death.run_id,
                finished_at=alive.isoformat(),
                error_message=death.describe(alive.strftime("%Y-%m-%d %H:%M:%S")),
                outcome="died",
            )
        except driver.Error as error:
            if not is_of_a_row(error):
                raise
            # Tried again it would be refused again, and the orphans behind it would wait for ever.
            tell_left(death.run_id, error)

    def forget_in_child(self) -> None:
        """Close the forked child's copies of what the parent is delivering; its lock stays held."""
        orphan, self._at_hand = self._at_hand, None
        if orphan is not None:
            orphan.close(remove=False)
