"""Where spools lie, who may read them, and how the living are told from the dead.

    <spool_dir>/<database>/dead-letters.jsonl
    <spool_dir>/<database>/<start>-<pid>-<random>/   one folder a process: lock, logs-*, runs-*

A folder belongs to whoever holds the lock on its file ``lock``. The kernel gives it back when the
process ends, however it ends; the descriptor is closed in forked children, so only the owner keeps
it. Runs on any thread; blocks on the disk only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

try:
    import fcntl
except ImportError:  # Windows: spools are written and delivered, but not adopted by others
    fcntl = None  # type: ignore[assignment]

_UNFINISHED = ".new-"
_ABANDONED_AFTER_SECONDS = 60.0


def root(spool_dir: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return the folder of all spools, made private and writable; None if there is none to be had.

    ``spool_dir`` if given, else ``$XDG_STATE_HOME/runlog``, else ``~/.local/state/runlog``, else a
    folder of this user in the temp folder, whose owner and mode are checked: all can write there.
    """
    if spool_dir is not None:
        return _private(Path(spool_dir).expanduser())
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
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        facts = folder.lstat() if strict else folder.stat()
        if not stat.S_ISDIR(facts.st_mode) or not os.access(folder, os.W_OK | os.X_OK):
            return None
        if strict and hasattr(os, "getuid"):
            foreign = facts.st_uid != os.getuid() or facts.st_mode & 0o077
            return None if foreign else folder
    except OSError:
        return None
    return folder


def create(database_folder: Path) -> tuple[Path, int]:
    """Make a folder for this process and lock it; return it with the lock's descriptor.

    Raises:
        OSError: no folder can be made here.
    """
    database_folder.mkdir(mode=0o700, exist_ok=True)
    started = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    name = f"{started}-{os.getpid()}-{os.urandom(3).hex()}"
    # Under another name until the lock is held: a folder with a free lock is anybody's.
    unfinished = database_folder / f"{_UNFINISHED}{name}"
    unfinished.mkdir(mode=0o700)
    lock = os.open(unfinished / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _try_lock(lock)
    folder = database_folder / name
    unfinished.rename(folder)
    return folder, lock


def adopt(folder: Path) -> int | None:
    """Take over ``folder`` if its owner is gone; return the lock's descriptor, else None."""
    path = folder / "lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        # Who adopted it before may have delivered and removed it between our open and our lock.
        if _try_lock(lock) and os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    os.close(lock)
    return None


def list_folders(database_folder: Path) -> list[Path]:
    """Return the process folders of a database, oldest first, whoever owns them."""
    try:
        entries = sorted(os.scandir(database_folder), key=lambda entry: entry.name)
    except OSError:
        return []
    return [Path(entry.path) for entry in entries if _is_process_folder(entry)]


def _is_process_folder(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        if not entry.is_dir(follow_symlinks=False):
            return False
        if entry.name.startswith(_UNFINISHED):
            return time.time() - entry.stat().st_mtime > _ABANDONED_AFTER_SECONDS
        return not entry.name.startswith(".")
    return False


def remove(folder: Path) -> None:
    """Remove a delivered folder; what cannot be removed now is left for the next process."""
    with contextlib.suppress(OSError):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name == "lock"):
            Path(entry.path).unlink()
        folder.rmdir()


def _try_lock(fd: int) -> bool:
    if fcntl is None:
        return False  # type: ignore[unreachable] # on Windows it is reached
    try:
        # flock, not lockf: closing another descriptor of the same file must not give it back.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EWOULDBLOCK, errno.EACCES, errno.ENOLCK, errno.EOPNOTSUPP}:
            raise
        return False
    return True
