"""Where the spools of this user lie: the folder named in the settings, or the usual one.

    <spool_dir>/<database>/…                 a folder that is this user's alone
    <spool_dir>/runlog-<uid>/<database>/…    one that others can write to, or that is another's

Runs on any thread; blocks on the disk only.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runlog._database import dsn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runlog._settings import Settings


class Place(NamedTuple):
    """Where the spools of one database lie, as settings and environment say it."""

    folder: Path | None
    """In which new ones are made; None if there is no place for any."""
    folders: list[Path]
    """In which there may be some."""
    address: str
    """Of the database, as it is shown."""


def place_of(settings: Settings) -> Place:
    """Return where the spools of this database lie now."""
    folder = database_folder(settings)
    address = dsn.shown(settings.dsn or "", os.environ)
    return Place(folder, folders_of(folder, settings), address)


def former_folder(settings: Settings) -> Path | None:
    """Return the folder in which runlog 0.1.0 kept the spools of this database.

    None where another database may have had the same one: then its spools are a person's to move.
    """
    place = root(settings.spool_dir, os.environ)
    name, is_certain = dsn.former_folder_name(settings.dsn or "", settings.schema, os.environ)
    # Whether it is there is not asked: the disk may have no answer now, and nothing lists as empty.
    return place / name if place is not None and is_certain else None


def folders_of(database_folder: Path | None, settings: Settings) -> list[Path]:
    """Return every folder in which spools of this database may lie: its own, the former one."""
    return [it for it in (database_folder, former_folder(settings)) if it is not None]


_TRANSIENT = {
    errno.EIO, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.EAGAIN,
}  # fmt: skip
"""Says nothing of the place: another would be one in which nobody looks later."""


def database_folder(settings: Settings) -> Path | None:
    """Return the folder of all spools of this database, also if it cannot be made now.

    None if there is no place for any.
    """
    place = root(settings.spool_dir, os.environ) or _likely(settings.spool_dir, os.environ)
    name = dsn.folder_name(settings.dsn or "", settings.schema, os.environ)
    return place / name if place is not None else None


def root(spool_dir: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return the folder of all spools, made private and writable; None if there is none to be had.

    ``spool_dir`` if given, else ``$XDG_STATE_HOME/runlog``, else ``~/.local/state/runlog``, else a
    folder of this user in the temp folder, whose owner and mode are checked: all can write there.
    """
    try:
        if spool_dir is not None:
            return _named(_absolute(spool_dir))
        for folder in _usual_places(environ):
            if found := _private(folder):
                return found
        import tempfile

        return _private(Path(tempfile.gettempdir()) / _own_name(), strict=True)
    except (OSError, ValueError, RuntimeError):
        # ValueError: a NUL in the name; RuntimeError: the home of an unknown user.
        return None


def _likely(spool_dir: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return where ``root`` will be as soon as the disk lets it."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        if spool_dir is not None:
            return _place_in(_absolute(spool_dir))
    return next(_usual_places(environ), None)


def _named(folder: Path) -> Path | None:
    make(folder)
    place = _place_in(folder)
    if place == folder:
        return _private(folder)
    return _private(place, strict=True, landlord=folder.stat().st_uid)


def _place_in(folder: Path) -> Path:
    """Return ``folder``, or the user's own in it where others can put theirs too."""
    try:
        facts = folder.stat()
    except FileNotFoundError:
        return folder
    # Whoever came first would shut out the rest.
    is_shared = hasattr(os, "getuid") and (
        facts.st_uid != os.getuid() or facts.st_mode & stat.S_IWOTH
    )
    return folder / _own_name() if is_shared else folder


@functools.cache
def _absolute(spool_dir: str) -> Path:
    # Once in a process: one that changes its folder later has its spools in the same place.
    return Path(spool_dir).expanduser().absolute()


def _own_name() -> str:
    return f"runlog-{os.getuid() if hasattr(os, 'getuid') else 0}"


def _usual_places(environ: Mapping[str, str]) -> Iterator[Path]:
    if state := environ.get("XDG_STATE_HOME"):
        yield Path(state) / "runlog"
    with contextlib.suppress(RuntimeError):
        yield Path("~/.local/state/runlog").expanduser()


def _private(folder: Path, *, strict: bool = False, landlord: int | None = None) -> Path | None:
    """Return ``folder``, made if need be; None if it cannot be used.

    Args:
        folder: it.
        strict: it lies where others can write, and must be no link and nobody else's.
        landlord: the owner of the folder around it, who may be the owner of everything in it:
            shares of other systems show every file as one user's.

    Raises:
        OSError: the disk cannot answer now.
    """
    try:
        make(folder)
        facts = folder.lstat() if strict else folder.stat()
        if not stat.S_ISDIR(facts.st_mode) or not os.access(folder, os.W_OK | os.X_OK):
            return None
    except OSError as error:
        if error.errno in _TRANSIENT:
            raise
        return None
    if strict and hasattr(os, "getuid"):
        is_own = facts.st_uid == os.getuid() and not facts.st_mode & 0o077
        is_let = landlord not in {None, os.getuid()} and facts.st_uid == landlord
        return folder if is_own or is_let else None
    return folder


def make(folder: Path) -> None:
    """Make ``folder`` and what is missing above it, all of it private.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.parent.is_dir():
        make(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
