"""Dead letters: what PostgreSQL refused for itself, one JSON line each, with the reason.

``<spool_dir>/<database>/dead-letters.jsonl`` is shared by all processes of that database: each
appends whole lines. Runs on the shipping thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._entry.copy_text import escape
from runlog._process.notices import notices
from runlog._spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


NAME = "dead-letters.jsonl"


class NoPlaceError(Exception):
    """A refused entry cannot be kept now; it stays in the spool with its neighbours."""


class DeadLetters:
    """The file of refused entries of one database, and how many this process added to it."""

    def __init__(self, database_folder: Path | None) -> None:
        self._path = database_folder / NAME if database_folder is not None else None
        self.kept = 0

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Append ``letters``; says once in a process that there are any, and why the first.

        Raises:
            NoPlaceError: the disk takes none.
        """
        if not letters:
            return
        self._append(letters)
        self.kept += len(letters)
        place = self._path or "nowhere: there is no folder"
        first = letters[0]
        code = f" ({first.sqlstate})" if first.sqlstate else ""
        reason = first.reason.splitlines()[0]
        notices.change(
            "dead letters",
            "some",
            f"the database refused an entry{code}: {reason}; kept in {place}",
        )

    def _append(self, letters: Sequence[DeadLetter]) -> None:
        if self._path is None:
            return
        import orjson

        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        lines = b"".join(
            orjson.dumps(
                {
                    "at": at,
                    "sqlstate": letter.sqlstate,
                    "reason": letter.reason,
                    "content": letter.content,
                }
            )
            + b"\n"
            for letter in letters
        )
        topic = f"letters {self._path}"
        try:
            _write(self._path, lines)
        except OSError as error:
            why = error.strerror or repr(error)
            told = f"the database refused an entry, and {self._path} cannot be written: {why}"
            notices.change(topic, "refused", f"{told}; what waits stays in the spool until it can")
            raise NoPlaceError from error
        if notices.is_in(topic, "refused"):
            notices.change(topic, "ok", f"{self._path} can be written again")


def _write(path: Path, lines: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        written = os.write(fd, lines)
        if written != len(lines):
            # Others append to this file too: what is torn must not join with their lines.
            with contextlib.suppress(OSError):
                os.write(fd, b"\n")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(fd)


class DeadLetter(NamedTuple):
    """What PostgreSQL refused for itself, or what cannot be read, with the reason."""

    content: str
    sqlstate: str | None
    reason: str


_ERROR = 40

_FIELDS = 7

_TAKEN = f"{NAME}.retrying"


@dataclass(frozen=True, slots=True)
class PutBack:
    """How many letters are in the spool again, and how many are no letters."""

    letters: int
    unreadable: int


def put_back(database_folder: Path, max_bytes: int) -> PutBack:
    """Move the letters of ``database_folder`` into a new spool, for the next one to deliver."""
    taken = database_folder / _TAKEN
    counts = PutBack(0, 0)
    # A retry that was interrupted left its file; processes that run append to the other one.
    for source in (taken, database_folder / NAME):
        if not source.exists():
            continue
        if source != taken:
            source.rename(taken)
        found = _move(taken, database_folder, max_bytes)
        counts = PutBack(counts.letters + found.letters, counts.unreadable + found.unreadable)
    return counts


def _move(taken: Path, database_folder: Path, max_bytes: int) -> PutBack:
    spool = Spool(database_folder, max_bytes)
    if spool.folder is None:
        raise OSError(f"no spool can be made in {str(database_folder)!r}")
    done, unreadable = 0, []
    try:
        # A process may have opened the file before it was renamed, and still write its line.
        with taken.open("rb") as file:
            for line in file:
                if _put(spool, line):
                    done += 1
                elif line.strip():
                    unreadable.append(line)
    finally:
        spool.close(remove=False)
    if unreadable:
        _append(database_folder / NAME, b"".join(unreadable))
    taken.unlink()
    return PutBack(done, len(unreadable))


def _put(spool: Spool, line: bytes) -> bool:
    import orjson

    with suppress(orjson.JSONDecodeError, KeyError, TypeError):
        content = orjson.loads(line)["content"]
        if content.startswith("{"):
            return _put_event(spool, orjson.loads(content))
        fields = _fields(content)
        if fields is not None:
            text = "\t".join(escape(field) for field in fields) + "\n"
            return spool.append(text.encode(), _ERROR, fields[1])
    return False


def _put_event(spool: Spool, event: dict[str, Any]) -> bool:
    if event.get("event") == "start":
        # Not this spool's process: its end must not be taken for the end of the run.
        event["is_owner"] = False
    return spool.append_event(event)


def _fields(content: str) -> list[str] | None:
    """Return the seven fields of an entry; a tab in its message makes more of them."""
    fields = content.split("\t")
    if len(fields) < _FIELDS:
        return None
    return [*fields[:5], "\t".join(fields[5:-1]), fields[-1]]


def _append(path: Path, lines: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        os.write(fd, lines)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFile:
    """The refused entries of one database, and why the last one was refused."""

    database: str
    path: str
    letters: int
    bytes: int
    last_at: str
    last_sqlstate: str
    last_reason: str


def find_dead_letters(database_folder: Path) -> DeadLetterFile | None:
    """Return what is known of the database's dead letters; None when there are none."""
    import orjson

    path = database_folder / NAME
    try:
        content = path.read_bytes()
    except OSError:
        return None
    lines = [line for line in content.split(b"\n") if line]
    if not lines:
        return None
    last: dict[str, object] = {}
    with suppress(orjson.JSONDecodeError):
        parsed = orjson.loads(lines[-1])
        last = parsed if isinstance(parsed, dict) else {}
    return DeadLetterFile(
        database=database_folder.name,
        path=str(path),
        letters=len(lines),
        bytes=len(content),
        last_at=str(last.get("at") or ""),
        last_sqlstate=str(last.get("sqlstate") or ""),
        last_reason=str(last.get("reason") or "").partition("\n")[0],
    )
