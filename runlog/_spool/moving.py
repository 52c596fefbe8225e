"""Spools that go elsewhere, or nowhere, on a person's word. For the command line.

What waits for an address that was mended, moved or never existed is delivered by nobody: its
folder's name is that of the address. Only spools whose process is gone are touched.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog._spool import destination, folders, places
from runlog._spool.dead_letter_file import find_dead_letters
from runlog._spool.dead_letters import NAME
from runlog._spool.inventory import list_databases, list_spools
from runlog._spool.whole import alone, append_whole

if TYPE_CHECKING:
    from pathlib import Path

    from runlog._spool.inventory import ProcessSpool


@dataclass(frozen=True, slots=True)
class Found:
    """What a person means by a folder: the spools in it, and the databases' folders they lie in."""

    spools: tuple[ProcessSpool, ...]
    databases: tuple[Path, ...]

    @property
    def orphans(self) -> list[ProcessSpool]:
        """Those whose process is gone."""
        return [spool for spool in self.spools if spool.is_orphaned]

    @property
    def entries(self) -> int:
        """The entries in them."""
        return sum(spool.entries for spool in self.orphans)

    @property
    def letters(self) -> int:
        """The dead letters that lie beside them."""
        found = [find_dead_letters(folder) for folder in self.databases]
        return sum(letters.letters for letters in found if letters)


def find_spools(folder: Path) -> Found:
    """Return the spools in ``folder``: that of one process, of a database, or of many."""
    if _is_of_a_process(folder):
        in_parent = [it for it in list_spools(folder.parent) if it.path == folder]
        return Found(tuple(in_parent), ())
    databases = [it for it in (folder, *list_databases(folder)) if _is_of_a_database(it)]
    spools = [spool for database in databases for spool in list_spools(database)]
    return Found(tuple(spools), tuple(databases))


def _is_of_a_process(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        names = [path.name for path in folder.iterdir()]
        return any(name == "lock" or name.startswith(("logs-", "runs-")) for name in names)
    return False


def _is_of_a_database(folder: Path) -> bool:
    is_there = (folder / NAME).exists()
    return is_there or any(map(_is_of_a_process, folders.list_folders(folder)))


def move(found: Found, database_folder: Path) -> int:
    """Put the spools and dead letters of ``found`` among those of another database.

    Returns:
        How many spools are there now.

    Raises:
        OSError: the disk refuses; what is not moved is where it was.
    """
    places.make(database_folder)
    moved = sum(_move_one(spool, database_folder) for spool in found.orphans)
    for folder in found.databases:
        if folder != database_folder:
            _move_letters(folder, database_folder)
            _remove_if_empty(folder)
    return moved


def discard(found: Found) -> int:
    """Delete the spools and dead letters of ``found``; return how many spools."""
    discarded = 0
    for spool in found.orphans:
        lock = folders.adopt(spool.path)
        if lock is not None:
            folders.remove(spool.path, lock)
            lock.close()
            discarded += 1
    for folder in found.databases:
        with contextlib.suppress(FileNotFoundError), alone(folder / NAME):
            (folder / NAME).unlink()
        _remove_if_empty(folder)
    return discarded


def _move_one(spool: ProcessSpool, database_folder: Path) -> bool:
    source, target = spool.path, database_folder / spool.path.name
    if source == target:
        # And not adopted: a lock that is held here would keep the delivery away from it.
        return False
    lock = folders.adopt(source)
    if lock is None:
        return False
    try:
        destination.forget_database(source)
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Under a name that nobody adopts until all of it is there.
            unfinished = folders.unfinished(target)
            shutil.copytree(source, unfinished)
            unfinished.rename(target)
            folders.remove(source, lock)
    finally:
        lock.close()
    return True


def _move_letters(folder: Path, database_folder: Path) -> None:
    path = folder / NAME
    with contextlib.suppress(FileNotFoundError), alone(path):
        append_whole(database_folder / NAME, path.read_bytes())
        path.unlink()


def _remove_if_empty(folder: Path) -> None:
    destination.forget_address(folder)
    with contextlib.suppress(OSError):
        folder.rmdir()
