"""Where spools lie, who may read them, and how the living are told from the dead.

    <spool_dir>/<database>/dead-letters.jsonl
    <spool_dir>/<database>/<start>-<pid>-<random>/   one folder a process: lock, logs-*, runs-*

A name that ends in ``.v2`` or higher is of a layout that this version does not know: it is left
alone and told. Whoever changes the layout gives it such a name.

A folder belongs to whoever holds the lock on its file ``lock``. The kernel gives it back when the
process ends, however it ends; the descriptor is closed in forked children, so only the owner keeps
it. Runs on any thread; blocks on the disk only.
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

from runlog._database import dsn
from runlog._spool.descriptor import Descriptor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from runlog._settings import Settings

try:
    import fcntl
except ImportError:  # Windows: spools are written and delivered, but not adopted by others
    fcntl = None  # type: ignore[assignment]

_UNFINISHED = ".new-"

_NEWER = re.compile(r"\.v\d+\Z")

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

_ABANDONED_AFTER_SECONDS = 60.0


def root(spool_dir: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return the folder of all spools, made private and writable; None if there is none to be had.

    ``spool_dir`` if given, else ``$XDG_STATE_HOME/runlog``, else ``~/.local/state/runlog``, else a
    folder of this user in the temp folder, whose owner and mode are checked: all can write there.
    """
    if spool_dir is not None:
        return _private(Path(spool_dir))
    for folder in _usual_places(environ):
        if found := _private(folder):
            return found
    import tempfile

    shared = Path(tempfile.gettempdir()) / f"runlog-{os.getuid() if hasattr(os, 'getuid') else 0}"
    return _private(shared, strict=True)


def _usual_places(environ: Mapping[str, str]) -> Iterator[Path]:
    if state := environ.get("XDG_STATE_HOME"):
        yield Path(state) / "runlog"
    with contextlib.suppress(RuntimeError):
        yield Path("~/.local/state/runlog").expanduser()


def _private(folder: Path, *, strict: bool = False) -> Path | None:
    try:
        folder = folder.expanduser()
        _make(folder)
        facts = folder.lstat() if strict else folder.stat()
        if not stat.S_ISDIR(facts.st_mode) or not os.access(folder, os.W_OK | os.X_OK):
            return None
        if strict and hasattr(os, "getuid"):
            foreign = facts.st_uid != os.getuid() or facts.st_mode & 0o077
            return None if foreign else folder
    except (OSError, ValueError, RuntimeError):
        # ValueError: a NUL in the name; RuntimeError: the home of an unknown user.
        return None
    return folder


def _make(folder: Path) -> None:
    """Make ``folder`` and what is missing above it, all of it private."""
    if not folder.parent.is_dir():
        _make(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)


def create(database_folder: Path) -> tuple[Path, Descriptor]:
    """Make a folder for this process and lock it; return it with the lock's descriptor.

    Raises:
        OSError: no folder can be made here, or the database's folder is a link or another user's.
    """
    _make(database_folder)
    if not stat.S_ISDIR(database_folder.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "not followed", str(database_folder))
    started = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    name = f"{started}-{os.getpid()}-{os.urandom(3).hex()}"
    # Under another name until the lock is held: a folder with a free lock is anybody's.
    unfinished = database_folder / f"{_UNFINISHED}{name}"
    unfinished.mkdir(mode=0o700)
    with contextlib.ExitStack() as undo:
        undo.callback(_discard, unfinished)
        # Not os.getuid(): shares of other systems show every file as one user's.
        if unfinished.lstat().st_uid != database_folder.lstat().st_uid:
            raise PermissionError(errno.EPERM, "another user's folder", str(database_folder))
        lock = Descriptor(os.open(unfinished / "lock", _LOCK_FLAGS, 0o600))
        undo.callback(lock.close)
        _try_lock(lock)
        folder = database_folder / name
        unfinished.rename(folder)
        undo.pop_all()
    return folder, lock


def _discard(unfinished: Path) -> None:
    with contextlib.suppress(OSError):
        (unfinished / "lock").unlink(missing_ok=True)
        unfinished.rmdir()


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
        if _try_lock(lock) and is_in_place(folder, lock):
            return lock
    lock.close()
    return None


def _open_lock(folder: Path) -> Descriptor:
    # By the folder's descriptor: its name can be made another folder's after it was looked at.
    place = os.open(folder, _FOLDER_FLAGS)
    try:
        if os.fstat(place).st_uid != folder.parent.stat().st_uid:
            raise PermissionError(errno.EPERM, "another user's folder", str(folder))
        return Descriptor(os.open("lock", _LOCK_FLAGS, 0o600, dir_fd=place))
    finally:
        os.close(place)


def list_folders(database_folder: Path) -> list[Path]:
    """Return the process folders of a database, oldest first, whoever owns them."""
    return [Path(entry.path) for entry in _entries(database_folder) if _is_process_folder(entry)]


def list_newer(database_folder: Path) -> list[Path]:
    """Return the process folders that a newer runlog made, in a layout that is not known here."""
    return [Path(it.path) for it in _entries(database_folder) if _NEWER.search(it.name)]


def _entries(database_folder: Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError):
        return sorted(os.scandir(database_folder), key=lambda entry: entry.name)
    return []


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
                for name in _lock_last(os.scandir(place)):
                    os.unlink(name, dir_fd=place)
                folder.rmdir()
        finally:
            os.close(place)


def _lock_last(entries: Iterable[os.DirEntry[str]]) -> list[str]:
    return sorted((entry.name for entry in entries), key=lambda name: name == "lock")


def _try_lock(lock: Descriptor) -> bool:
    if fcntl is None:
        return False  # type: ignore[unreachable] # on Windows it is reached
    try:
        # flock, not lockf: closing another descriptor of the same file must not give it back.
        fcntl.flock(lock.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES, errno.ENOLCK, errno.EOPNOTSUPP}:
            raise
        return False
    return True


def database_folder(settings: Settings) -> Path | None:
    """Return the folder of all spools of this database, None if none can be written."""
    place = root(settings.spool_dir, os.environ)
    name = dsn.folder_name(settings.dsn or "", settings.schema, os.environ)
    return place / name if place is not None else None


def former_folder(settings: Settings) -> Path | None:
    """Return the folder in which runlog 0.1.0 kept the spools of this database, if there is one.

    None also where another database may have had the same one: then its spools are a person's to
    move.
    """
    place = root(settings.spool_dir, os.environ)
    name, is_certain = dsn.former_folder_name(settings.dsn or "", settings.schema, os.environ)
    return place / name if place is not None and is_certain and (place / name).is_dir() else None


def folders_of(database_folder: Path | None, settings: Settings) -> list[Path]:
    """Return every folder in which spools of this database may lie: its own, the former one."""
    return [it for it in (database_folder, former_folder(settings)) if it is not None]


_NOTE = "database"


def note_database(folder: Path, database_id: str) -> None:
    """Note in a spool's ``folder`` the id that its database has, for who delivers it one day."""
    with contextlib.suppress(OSError):
        note = os.open(folder / _NOTE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(note, database_id.encode())
        finally:
            os.close(note)


def noted_database(folder: Path) -> str | None:
    """Return the id of the database for which this spool was written; None: nobody knows."""
    with contextlib.suppress(OSError, ValueError):
        note = os.open(folder / _NOTE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return os.read(note, _NOTE_BYTES).decode() or None
        finally:
            os.close(note)
    return None


_NOTE_BYTES = 200
