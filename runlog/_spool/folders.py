"""The folders of processes: made, locked, adopted, removed; which process lives, and which is dead.

    <spool_dir>/<database>/dead-letters.jsonl
    <spool_dir>/<database>/<start>-<pid>-<random>/   one folder a process: lock, logs-*, runs-*

A name that ends in ``.v2`` or higher is of a layout that this version does not know: it is left
alone and told. Whoever changes the layout gives it such a name.

A folder belongs to whoever holds the lock on its file ``lock``. The kernel gives it back when the
process ends, however it ends; the descriptor is closed in forked children, so only the owner keeps
it. Where locks count for nothing, as on some shares, whoever has given no sign of life for a while
is taken for gone. Runs on any thread; blocks on the disk only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runlog._process.descriptor import Descriptor
from runlog._spool import destination, places

if TYPE_CHECKING:
    from collections.abc import Iterable

try:
    import fcntl
except ImportError:  # Windows: spools are written and delivered, but not adopted by others
    fcntl = None  # type: ignore[assignment]

_UNFINISHED = ".new-"

_NEWER = re.compile(r"\.v\d+\Z")

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

_ABANDONED_AFTER_SECONDS = 60.0

_UNLOCKED = b"not locked\n"
"""In a lock that the disk did not give when it was asked for: that it is free means nothing."""

_SILENT_AFTER_SECONDS = 90.0
"""A process that lives touches its lock at least with every heartbeat."""


def create(database_folder: Path) -> tuple[Path, Descriptor]:
    """Make a folder for this process and lock it; return it with the lock's descriptor.

    Raises:
        OSError: no folder can be made here, or the database's folder is a link or another user's.
    """
    places.make(database_folder)
    if not stat.S_ISDIR(database_folder.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "not followed", str(database_folder))
    started = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    name = f"{started}-{os.getpid()}-{os.urandom(3).hex()}"
    # Under another name until the lock is held: a folder with a free lock is anybody's.
    new = unfinished(database_folder / name)
    new.mkdir(mode=0o700)
    with contextlib.ExitStack() as undo:
        undo.callback(_discard, new)
        # Not os.getuid(): shares of other systems show every file as one user's.
        if new.lstat().st_uid != database_folder.lstat().st_uid:
            raise PermissionError(errno.EPERM, "another user's folder", str(database_folder))
        lock = Descriptor(os.open(new / "lock", _LOCK_FLAGS, 0o600))
        undo.callback(lock.close)
        if not try_lock(lock):
            os.write(lock.number, _UNLOCKED)
        folder = database_folder / name
        new.rename(folder)
        undo.pop_all()
    return folder, lock


def unfinished(folder: Path) -> Path:
    """Return the name under which ``folder`` is filled: nobody adopts it for a minute."""
    return folder.with_name(f"{_UNFINISHED}{folder.name}")


def _discard(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / "lock").unlink(missing_ok=True)
        folder.rmdir()


def is_in_place(folder: Path, lock: Descriptor) -> bool:
    """Tell whether ``folder`` is still the one that ``lock`` was taken in, if that can be told."""
    try:
        facts = (folder / "lock").lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # A disk that cannot answer now has not removed anything.
        return True
    return (facts.st_dev, facts.st_ino) == lock.file


def adopt(folder: Path) -> Descriptor | None:
    """Take over ``folder`` if its owner is gone; return the lock's descriptor, else None.

    A link, or a folder that is not of the user to whom the database's folder belongs, is nobody's.
    """
    try:
        lock = _open_lock(folder)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        # Who adopted it before may have delivered and removed it between our open and our lock.
        if _is_left(folder, lock) and is_in_place(folder, lock):
            return lock
    lock.close()
    return None


def _open_lock(folder: Path, *, make: bool = True) -> Descriptor:
    # By the folder's descriptor: its name can be made another folder's after it was looked at.
    place = os.open(folder, _FOLDER_FLAGS)
    try:
        if os.fstat(place).st_uid != folder.parent.stat().st_uid:
            raise PermissionError(errno.EPERM, "another user's folder", str(folder))
        flags = _LOCK_FLAGS if make else _LOCK_FLAGS & ~os.O_CREAT
        return Descriptor(os.open("lock", flags, 0o600, dir_fd=place))
    finally:
        os.close(place)


def _is_left(folder: Path, lock: Descriptor) -> bool:
    """Take ``lock``; tell whether the owner of ``folder`` is gone.

    Raises:
        OSError: the disk cannot answer.
    """
    is_taken = try_lock(lock)
    if is_taken and not os.fstat(lock.number).st_size and _is_lock_felt(folder):
        return True
    # No locks, one that everybody gets, or one that the owner did not get: it may be alive.
    is_silent = time.time() - newest_change(folder) > _SILENT_AFTER_SECONDS
    return is_taken is not False and is_silent


def _is_lock_felt(folder: Path) -> bool:
    """Tell whether a lock that is held keeps others out; some file systems say yes to all."""
    other = _open_lock(folder, make=False)
    try:
        return try_lock(other) is False
    finally:
        other.close()


def newest_change(folder: Path) -> float:
    """Return when the process of ``folder`` gave its last sign of life; now, if that is unknown."""
    with contextlib.suppress(OSError, ValueError):
        # Not the acknowledgements: those may be of another process that delivered a part of it.
        return max(
            entry.stat().st_mtime for entry in scan(folder) if not entry.name.endswith(".ack")
        )
    return time.time()


def is_free(folder: Path) -> bool:
    """Tell whether the owner of ``folder`` is gone; changes nothing, and makes no file."""
    try:
        lock = _open_lock(folder, make=False)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        return _is_left(folder, lock) and is_in_place(folder, lock)
    except OSError:
        return False
    finally:
        # Only asked: whoever really takes it over must be able to.
        lock.close()


def list_folders(database_folder: Path) -> list[Path]:
    """Return the process folders of a database, oldest first, whoever owns them."""
    return [Path(entry.path) for entry in _entries(database_folder) if _is_process_folder(entry)]


def list_newer(database_folder: Path) -> list[Path]:
    """Return the process folders that a newer runlog made, in a layout that is not known here."""
    return [Path(it.path) for it in _entries(database_folder) if _NEWER.search(it.name)]


def _entries(database_folder: Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError):
        return sorted(scan(database_folder), key=lambda entry: _age(entry.name))
    return []


def scan(folder: Path | int) -> list[os.DirEntry[str]]:
    """Return what is in ``folder``; no descriptor stays open, also where one entry cannot be read.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(folder) as found:
        return list(found)


def _age(name: str) -> tuple[str, int, str]:
    """Return what sorts names by the start of their processes, in the same second by their pids."""
    started, _, rest = name.removeprefix(_UNFINISHED).partition("-")
    pid = rest.partition("-")[0]
    return started, int(pid) if pid.isdecimal() else 0, name


def _is_process_folder(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        if not entry.is_dir(follow_symlinks=False):
            return False
        if entry.name.startswith(_UNFINISHED):
            return time.time() - entry.stat().st_mtime > _ABANDONED_AFTER_SECONDS
        return not entry.name.startswith(".") and not _NEWER.search(entry.name)
    return False


def remove(folder: Path, lock: Descriptor) -> None:
    """Remove a delivered folder; what cannot be removed now is left for the next process.

    Only if it is the one in which ``lock`` was taken: whatever has its name by now is not ours.
    """
    with contextlib.suppress(OSError):
        place = os.open(folder, _FOLDER_FLAGS)
        try:
            facts = os.stat("lock", dir_fd=place)
            if (facts.st_dev, facts.st_ino) == lock.file:
                for name in _lock_last(scan(place)):
                    os.unlink(name, dir_fd=place)
                folder.rmdir()
                destination.forget_address(folder.parent)
        finally:
            os.close(place)


def _lock_last(entries: Iterable[os.DirEntry[str]]) -> list[str]:
    return sorted((entry.name for entry in entries), key=lambda name: name == "lock")


def try_lock(lock: Descriptor) -> bool | None:
    """Take the lock of a file; False if another has it, None where there are no locks.

    Raises:
        OSError: the disk cannot answer.
    """
    if fcntl is None:
        return None  # type: ignore[unreachable] # on Windows it is reached
    try:
        # flock, not lockf: closing another descriptor of the same file must not give it back.
        fcntl.flock(lock.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.ENOLCK, errno.EOPNOTSUPP}:
            return None
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
            raise
        return False
    return True
