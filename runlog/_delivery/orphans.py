"""Spools whose process is gone: adopted by one, delivered, their runs closed, the folder removed.

Runs under the shipper's lock, on whichever thread ships.
"""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runlog._database.faults import Fault, fault_of
from runlog._delivery.late_runs import SetAside
from runlog._delivery.store import RunNotThereYetError, Store
from runlog._delivery.sweep import tell_left
from runlog._process.notices import notices
from runlog._spool.backlog import UnreadableError
from runlog._spool.orphan import OrphanedSpool, adopt_orphans

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlog._spool.orphan import Death

_LOOK_INTERVAL = 30.0


class Orphans:
    """The orphaned spools of one database that this process has taken over."""

    def __init__(
        self,
        database_folders: list[Path],
        own_folder: Path | None,
        store: Store,
        deliver: Callable[[OrphanedSpool], None],
        own_ids: Callable[[], list[str]],
        database_id: Callable[[], str | None],
    ) -> None:
        self._database_folders = database_folders
        self._own_folder = own_folder
        self._store = store
        self._deliver = deliver
        self._own_ids = own_ids
        self._database_id = database_id
        self._next_look = 0.0
        self._adopted: list[OrphanedSpool] = []

    def look_again(self) -> None:
        """Look for orphans at the next pass, however short ago the last look was."""
        self._next_look = 0.0

    def bury_all(self) -> None:
        """Deliver what waits in orphaned spools, oldest first; looks for new ones now and then."""
        while self._adopted:
            self._bury(self._adopted[0])
        if time.monotonic() < self._next_look:
            return
        for folder in self._database_folders:
            # One after the other: hundreds of them must not take the descriptors of the script.
            for orphan in adopt_orphans(folder, self._own_folder):
                self._adopted.append(orphan)
                self._bury(orphan)
        self._next_look = time.monotonic() + _LOOK_INTERVAL

    def _is_of_here(self, orphan: OrphanedSpool) -> bool:
        """Tell whether the database is the one for which ``orphan`` was written, if it knows."""
        if orphan.database_id is None or orphan.database_id == self._database_id():
            return True
        told = (
            f"{orphan.folder} was written for another database that had this address, and waits; "
            f"remove {orphan.folder / 'database'} if it belongs here, or the folder if nobody "
            "needs it"
        )
        notices.change(f"database of {orphan.folder}", "another", told)
        return False

    def _bury(self, orphan: OrphanedSpool) -> None:
        if not self._is_of_here(orphan):
            self._let_go(orphan, remove=False)
            return
        aside = SetAside(orphan.folder, orphan.last_sign_of_life)
        self._store.patience = aside
        try:
            self._deliver(orphan)
        except RunNotThereYetError:
            # Entries of a run that another process owns and has not delivered: later, or by others.
            self._let_go(orphan, remove=False)
            return
        except UnreadableError as error:
            # Those behind it can be; this one is tried again at the next look.
            told = f"cannot read {orphan.folder}: {error.strerror}; it stays where it is"
            notices.change(f"orphan {orphan.folder}", "unread", told)
            self._let_go(orphan, remove=False)
            return
        finally:
            self._store.patience = self._store.own_patience
            aside.close()
        alive = datetime.fromtimestamp(orphan.last_sign_of_life, UTC)
        # A spool that this process closed before all was delivered may tell of runs that live on.
        own = set(self._own_ids())
        for death in [each for each in orphan.deaths if each.run_id not in own]:
            self._close_run(death, alive)
        self._let_go(orphan, remove=True)

    def _close_run(self, death: Death, alive: datetime) -> None:
        import psycopg

        try:
            self._store.sweep(
                death.run_id,
                finished_at=alive.isoformat(),
                error_message=death.describe(alive.strftime("%Y-%m-%d %H:%M:%S")),
                outcome="died",
            )
        except psycopg.Error as error:
            if fault_of(error) is not Fault.ROW:
                raise
            # Tried again it would be refused again, and the orphans behind it would wait for ever.
            tell_left(death.run_id, error)

    def _let_go(self, orphan: OrphanedSpool, *, remove: bool) -> None:
        self._adopted.remove(orphan)
        orphan.close(remove=remove)
        if remove and orphan.folder.parent not in self._database_folders[:1]:
            # The former folder of this database, empty one day.
            with contextlib.suppress(OSError):
                orphan.folder.parent.rmdir()

    def release(self) -> None:
        """Give back what is not delivered; whoever comes next takes it."""
        while self._adopted:
            self._let_go(self._adopted[0], remove=False)
