"""Dead letters: what PostgreSQL refused for itself, one JSON line each, with the reason.

``<spool_dir>/<database>/dead-letters.jsonl`` is shared by all processes of that database. Here is
the form of the file, and how letters come into it; how they are put back into a spool is the
subject of ``retry``. Runs on the shipping thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._entry.copy_text import escape
from runlog._process.notices import notices
from runlog._spool.whole import append_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NAME = "dead-letters.jsonl"
DEFAULT_MAX_BYTES = 2**27
_HELD_MAX = 1000
_FIELDS = 7


class DeadLetter(NamedTuple):
    """What PostgreSQL refused for itself, or what cannot be read, with the reason."""

    content: str
    sqlstate: str | None
    reason: str
    is_row: bool = False
    """Whether ``content`` is an entry as it stood in the spool: a line of COPY text."""

    @classmethod
    def of_row(cls, row: Sequence[str], sqlstate: str | None, reason: str) -> DeadLetter:
        """Return the letter of an entry."""
        return cls("\t".join(map(escape, row)), sqlstate, reason, is_row=True)


class NoPlaceError(Exception):
    """A refused entry cannot be kept now; it stays in the spool with its neighbours."""


class DeadLetters:
    """The file of refused entries of one database, and how many this process added to it.

    Where no disk takes them, a thousand are held until one does. A file that is full takes no
    more: what is refused then is counted, and told.
    """

    def __init__(
        self,
        database_folder: Path | None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        database_id: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._path = database_folder / NAME if database_folder is not None else None
        self._max_bytes = max_bytes
        self._database_id = database_id
        self._held: list[DeadLetter] = []
        self.kept = 0
        self.dropped = 0

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Append ``letters``; says once in a process that there are any, and why the first.

        Raises:
            NoPlaceError: the disk takes none.
        """
        if not letters and not self._held:
            return
        if not self._has_folder():
            self.hold(letters)
        else:
            self._append([*self._held, *letters])
            self._held = []
            if letters:
                self._tell(letters[0])

    def hold(self, letters: Sequence[DeadLetter]) -> None:
        """Keep ``letters`` in memory, the first thousand, until the file takes them."""
        self._held += letters
        excess = len(self._held) - _HELD_MAX
        if excess > 0:
            del self._held[_HELD_MAX:]
            self._drop(excess)
        self.kept += len(letters) - max(0, excess)
        if letters:
            self._tell(letters[0])

    def _has_folder(self) -> bool:
        try:
            return self._path is not None and self._path.parent.is_dir()
        except OSError:
            # The disk cannot answer: what cannot be kept now stays in the spool.
            return True

    def _tell(self, first: DeadLetter) -> None:
        is_there = self._path is not None and not self._held
        place = self._path if is_there else "memory, and lost with it: no disk takes it"
        code = f" ({first.sqlstate})" if first.sqlstate else ""
        reason = first.reason.splitlines()[0]
        what = "an entry" if first.is_row else "what a run told"
        told = f"the database refused {what}{code}: {reason}; kept in {place}"
        notices.change("dead letters", "some", told)

    def _append(self, letters: Sequence[DeadLetter]) -> None:
        if self._path is None:
            return
        topic = f"letters {self._path}"
        try:
            database_id = self._database_id()
            lines = b"".join(_line(letter, database_id) for letter in letters)
            if append_whole(self._path, lines, max_bytes=self._max_bytes):
                self.kept += len(letters) - len(self._held)
            else:
                self._drop(len(letters))
        except OSError as error:
            why = error.strerror or repr(error)
            told = f"the database refused an entry, and {self._path} cannot be written: {why}"
            notices.change(topic, "refused", f"{told}; what waits stays where it is until it can")
            raise NoPlaceError from error
        if notices.is_in(topic, "refused"):
            notices.change(topic, "ok", f"{self._path} can be written again")

    def _drop(self, count: int) -> None:
        self.dropped += count
        place = self._path or "the memory set aside"
        told = f"{place} is full; {self.dropped} refused entries were counted and not kept"
        # Again when there are ten times as many.
        notices.change("dead letters full", str(len(str(self.dropped))), told)


def _line(letter: DeadLetter, database_id: str | None) -> bytes:
    import orjson

    form = {"form": "row"} if letter.is_row else {}
    form |= {"database": database_id} if database_id else {}
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    facts = {"at": at, "sqlstate": letter.sqlstate, "reason": letter.reason}
    return orjson.dumps({**facts, **form, "content": letter.content}) + b"\n"


def entry_line(letter: dict[str, Any]) -> str | None:
    """Return the line of COPY text of a letter as read from the file; None if it is no entry."""
    content = letter["content"]
    if letter.get("form") == "row":
        return f"{content}\n" if content.count("\t") == _FIELDS - 1 else None
    # As earlier versions wrote it, fields as they are: a tab in the message makes more of them.
    fields = content.split("\t")
    if len(fields) < _FIELDS:
        return None
    fields = [*fields[:5], "\t".join(fields[5:-1]), fields[-1]]
    return "\t".join(map(escape, fields)) + "\n"


def event_of(letter: dict[str, Any]) -> dict[str, Any] | None:
    """Return the run event of a letter as read from the file; None if it is none."""
    import orjson

    content = letter["content"]
    if letter.get("form") == "row" or not content.startswith("{"):
        return None
    with suppress(orjson.JSONDecodeError):
        event = orjson.loads(content)
        return event if isinstance(event, dict) else None
    return None
