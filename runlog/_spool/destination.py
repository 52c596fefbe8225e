"""For which database a spool is: notes beside it and in it, for people and for who delivers it.

    <spool_dir>/<database>/address                            the address, without a password
    <spool_dir>/<database>/<start>-<pid>-<random>/database    the database's own id, once known

Blocks on the disk only; never raises.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runlog._process.descriptor import Descriptor

if TYPE_CHECKING:
    from pathlib import Path

_ADDRESS = "address"
_DATABASE = "database"
_NOTE_BYTES = 1000
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_ID_LENGTH = 36
"""That of a UUID in text."""


def note_address(database_folder: Path, address: str) -> None:
    """Note beside the spools of a database which address it has, as people may read it."""
    if noted_address(database_folder) != address:
        _note(database_folder / _ADDRESS, address)


def noted_address(database_folder: Path) -> str | None:
    """Return the address of the database whose spools lie in this folder; None: nobody knows."""
    return _noted(database_folder / _ADDRESS)


def forget_address(database_folder: Path) -> None:
    """Remove the note of the address where nothing else is left."""
    with contextlib.suppress(OSError):
        if [path.name for path in database_folder.iterdir()] == [_ADDRESS]:
            (database_folder / _ADDRESS).unlink()


def note_database(folder: Path, database_id: str) -> bool:
    """Note in a spool's ``folder`` the id that its database has, for who delivers it one day.

    Returns whether the disk has taken it.
    """
    return _note(folder / _DATABASE, database_id)


def noted_database(folder: Path) -> str | None:
    """Return the id of the database for which this spool was written; None: nobody knows."""
    noted = _noted(folder / _DATABASE) or ""
    # What was cut short names no database; least of all another one.
    return noted if len(noted) == _ID_LENGTH else None


def forget_database(folder: Path) -> None:
    """Remove the id from a spool: a person has decided where it goes."""
    with contextlib.suppress(OSError):
        (folder / _DATABASE).unlink(missing_ok=True)


def _note(path: Path, text: str) -> bool:
    data = text.encode("utf-8", "replace")
    with contextlib.suppress(OSError):
        note = Descriptor(os.open(path, _WRITE_FLAGS, 0o600))
        try:
            return os.write(note.number, data) == len(data)
        finally:
            note.close()
    return False


def _noted(path: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError):
        note = Descriptor(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        try:
            return os.read(note.number, _NOTE_BYTES).decode() or None
        finally:
            note.close()
    return None
