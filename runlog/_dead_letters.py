"""Dead letters: what PostgreSQL refused for itself, one JSON line each, with the reason.

``<spool_dir>/<database>/dead-letters.jsonl`` is shared by all processes of that database: each
appends whole lines. Runs on the shipping thread.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from ._notices import notices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ._store import DeadLetter

NAME = "dead-letters.jsonl"


class DeadLetters:
    """The file of refused entries of one database, and how many this process added to it."""

    def __init__(self, database_folder: Path | None) -> None:
        self._path = database_folder / NAME if database_folder is not None else None
        self.kept = 0

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Append ``letters``; says once in a process that there are any, and why the first."""
        if not letters:
            return
        self.kept += len(letters)
        place = self._path if self._append(letters) else "nowhere: the file cannot be written"
        first = letters[0]
        code = f" ({first.sqlstate})" if first.sqlstate else ""
        reason = first.reason.splitlines()[0]
        notices.change(
            "dead letters",
            "some",
            f"the database refused an entry{code}: {reason}; kept in {place}",
        )

    def _append(self, letters: Sequence[DeadLetter]) -> bool:
        if self._path is None:
            return False
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
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(self._path, flags, 0o600)
            try:
                return os.write(fd, lines) == len(lines)
            finally:
                os.close(fd)
        return False
