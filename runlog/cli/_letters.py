"""Dead letters, put back into a spool of their own.

A letter leaves its file only after it is in the spool: a crash in between means that it is sent
twice, which the database makes nothing of.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlog._copy_text import escape
from runlog._dead_letters import NAME
from runlog._spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

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
