"""What waits on this machine: the folders of processes, by database, and dead letters.

Looks without taking anything over; a folder whose lock is free belongs to a process that is gone.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runlog._spool import destination, folders
from runlog._spool.backlog import Backlog
from runlog._spool.orphan import StoredSegments


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpool:
    """The folder of one process.

    Attributes:
        process: ``alive``, ``gone``, or ``newer``: written by a newer runlog, which delivers it;
            entries and events are not counted then.
        age_seconds: since it was last written to.
        address: of the database it is for, without a password; empty where nothing says so.
        identity: that database's own id, where it was known.
    """

    database: str
    folder: str
    process: str
    entries: int
    events: int
    bytes: int
    age_seconds: int
    address: str
    identity: str

    @property
    def path(self) -> Path:
        """The folder, to work with."""
        return Path(self.folder)

    @property
    def is_orphaned(self) -> bool:
        """Tell whether it waits for somebody to deliver it."""
        return self.process == "gone"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What processes that are gone have left of one database: folders, and entries in them."""

    orphans: int
    orphaned: int


def list_databases(root: Path) -> list[Path]:
    """Return the folders of all databases."""
    with suppress(OSError):
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    return []


def list_spools(database_folder: Path) -> list[ProcessSpool]:
    """Return the process folders of one database, oldest first; without those that just went."""
    found = []
    for folder in folders.list_folders(database_folder):
        with suppress(OSError):
            found.append(_examine(folder))
    for folder in folders.list_newer(database_folder):
        with suppress(OSError):
            found.append(_look_at(folder, "newer", entries=0, events=0))
    return found


def newer_note(spool: ProcessSpool) -> str:
    """Return what a person should know of a spool that is not read here."""
    return f"{spool.folder} was written by a newer runlog and is left to it"


def count_waiting(database_folder: Path) -> Waiting:
    """Count what waits for somebody to deliver it."""
    orphans = [spool for spool in list_spools(database_folder) if spool.is_orphaned]
    return Waiting(len(orphans), sum(spool.entries for spool in orphans))


def _examine(folder: Path) -> ProcessSpool:
    process = "gone" if folders.is_free(folder) else "alive"
    entries = _count_lines(folder, "logs", ".copy")
    return _look_at(folder, process, entries=entries, events=_count_lines(folder, "runs", ".jsonl"))


def _look_at(folder: Path, process: str, *, entries: int, events: int) -> ProcessSpool:
    files = [entry.stat() for entry in folders.scan(folder)]
    newest = max((file.st_mtime for file in files), default=folder.stat().st_mtime)
    return ProcessSpool(
        database=folder.parent.name,
        folder=str(folder),
        process=process,
        entries=entries,
        events=events,
        bytes=sum(file.st_size for file in files),
        age_seconds=max(0, int(time.time() - newest)),
        address=destination.noted_address(folder.parent) or "",
        identity=destination.noted_database(folder) or "",
    )


def _count_lines(folder: Path, stem: str, suffix: str) -> int:
    stored = StoredSegments(folder, stem, suffix)
    ack_path = folder / f"{stem}.ack"
    waiting = Backlog(stored, ack_path if ack_path.exists() else None, torn_lines_count=True)
    try:
        return waiting.count_waiting()
    finally:
        waiting.close()
        stored.close()
