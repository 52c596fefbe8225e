"""Which database is at the other end: noted in each spool, and asked before an orphan goes there.

An address may lead to another database one day. Runs under the shipper's lock, on whichever thread
ships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._database.asking import database_id
from runlog._process.notices import notices
from runlog._spool.destination import note_database

if TYPE_CHECKING:
    from pathlib import Path

    from runlog._database.session import Session
    from runlog._spool.orphan import OrphanedSpool


class Identity:
    """That of one session's database."""

    def __init__(self, session: Session, schema: str) -> None:
        self._session = session
        self._schema = schema
        self._noted: tuple[Path | None, str | None] = (None, None)

    @property
    def is_asked(self) -> bool:
        """Whether there is a connection on which it can be asked."""
        return self._session.is_connected

    def note_in(self, folder: Path | None) -> None:
        """Note in a spool's ``folder`` which database it is for, should others deliver it."""
        if folder is None:
            return
        noted = (folder, self.find_id())
        if noted[1] is not None and noted != self._noted and note_database(folder, noted[1]):
            self._noted = noted

    def is_that_of(self, orphan: OrphanedSpool) -> bool:
        """Tell whether the database is the one for which ``orphan`` was written, if it knows."""
        if orphan.database_id is None or orphan.database_id == self.find_id():
            return True
        told = (
            f"{orphan.folder} was written for another database that had this address, and waits; "
            f"remove {orphan.folder / 'database'} if it belongs here, or the folder if nobody "
            "needs it"
        )
        notices.change(f"database of {orphan.folder}", "another", told)
        return False

    def find_id(self) -> str | None:
        """Return the id of the database at the other end, None if it has none."""
        return database_id(self._session.connection(), self._schema)
