"""Dead letters: what PostgreSQL refused for itself, one JSON line each, with the reason.

``<spool_dir>/<database>/dead-letters.jsonl`` is shared by all processes of that database: each
appends whole lines. Runs on the shipping thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING

from ._notices import notices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ._store import DeadLetter

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
