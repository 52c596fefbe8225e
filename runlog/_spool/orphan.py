"""The segments that a process left behind: the reading half of ``writer``. Any thread."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._entry.copy_text import decode_lines, escape
from runlog._entry.pack import unpack_event
from runlog._process.descriptor import Descriptor, read_at
from runlog._process.notices import notices
from runlog._spool import destination, folders
from runlog._spool.backlog import Backlog
from runlog._spool.whole import append_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runlog._spool.backlog import Source

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Not blocking: a pipe of that name would be waited for."""


class StoredSegments:
    """The files of a process that is gone, with the reading half of ``SegmentWriter``."""

    def __init__(self, folder: Path, stem: str, suffix: str) -> None:
        self._folder, self._stem, self._suffix = folder, stem, suffix
        self._paths = {
            int(path.name[len(stem) + 1 : -len(suffix)]): path
            for path in folder.glob(f"{stem}-[0-9]*{suffix}")
            if path.name[len(stem) + 1 : -len(suffix)].isdecimal()
        }
        self._open: dict[int, Descriptor] = {}

    def first(self) -> int:
        """Return the lowest number there is."""
        return min(self._paths, default=1)

    def last(self) -> int:
        """Return the highest number there is."""
        return max(self._paths, default=0)

    def fd(self, number: int) -> int | None:
        """Return a descriptor to read segment ``number`` from, None if there is no such file.

        Raises:
            OSError: there is, and it cannot be read now; taken for missing it would be lost.
        """
        opened = self._open.get(number)
        if opened is None or not opened.is_ours():
            path = self._paths.get(number)
            opened = _find_file(path) if path is not None else None
            if opened is None:
                return None
            self._open[number] = opened
        return opened.number

    def is_settled(self, number: int) -> bool:  # noqa: ARG002 - the shape that _backlog reads
        """Return True: nobody writes here any more."""
        return True

    def drop(self, number: int) -> None:
        """Unlink the file of segment ``number``."""
        self.close(number)
        path = self._paths.pop(number, None)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()

    def next_path(self) -> Path:
        """Return the path behind the last segment; what is written there is not read here."""
        return self._folder / f"{self._stem}-{self.last() + 1:06d}{self._suffix}"

    def close(self, number: int | None = None) -> None:
        """Close the descriptor of one segment, or of all."""
        for key in [number] if number is not None else list(self._open):
            opened = self._open.pop(key, None)
            if opened is not None:
                opened.close()


def _find_file(path: Path) -> Descriptor | None:
    try:
        opened = Descriptor(os.open(path, _FLAGS))
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENXIO}:
            return None
        raise
    try:
        if stat.S_ISREG(os.fstat(opened.number).st_mode):
            return opened
    except OSError:
        opened.close()
        raise
    opened.close()
    return None


_TAIL_BYTES = 2**18

_MESSAGE_MAX = 200


class Death(NamedTuple):
    """A run whose process ended without a word."""

    run_id: str
    last_timestamp: str | None
    last_step: str | None
    last_message: str | None

    def describe(self, last_alive: str) -> str:
        """Return the run's ``error_message``."""
        text = f"the process died without ending the run; last alive {last_alive} UTC"
        if self.last_step is None:
            return text
        return f"{text}, last entry [{self.last_step}] {(self.last_message or '')[:_MESSAGE_MAX]}"


def examine(entries: Source, events: Source) -> list[Death]:
    """Return the runs that this spool's process started, owned and never finished."""
    open_ids: dict[str, None] = {}
    for event in _events(events):
        run_id = event.get("id")
        if not isinstance(run_id, str):
            continue
        if event.get("event") == "start" and event.get("is_owner", True):
            open_ids[run_id] = None
        elif event.get("event") == "finish":
            open_ids.pop(run_id, None)
    last = _last_entries(entries) if open_ids else {}
    return [
        Death(
            run_id, *(last[run_id][2], *last[run_id][4:6]) if run_id in last else (None, None, None)
        )
        for run_id in open_ids
    ]


def _events(source: Source) -> Iterator[dict[str, Any]]:
    for number in range(source.first(), source.last() + 1):
        for line in _content(source, number).split(b"\n"):
            try:
                event = unpack_event(line) if line else None
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def _content(source: Source, number: int, tail: int | None = None) -> bytes:
    fd = source.fd(number)
    if fd is None:
        return b""
    size = os.fstat(fd).st_size
    start = max(0, size - tail) if tail is not None else 0
    return read_at(fd, size - start, start)


def _last_entries(source: Source) -> dict[str, list[str]]:
    last: dict[str, list[str]] = {}
    for number in range(max(source.first(), source.last() - 1), source.last() + 1):
        content = _content(source, number, _TAIL_BYTES)
        rows, _ = decode_lines(content[: content.rfind(b"\n") + 1])
        last |= {row[1]: row for row in rows}
    return last


class OrphanedSpool:
    """The spool of a process that is gone, now ours to deliver (its lock is held here)."""

    def __init__(self, folder: Path, lock: Descriptor) -> None:
        """Open the files.

        Raises:
            OSError: one cannot be read now; nothing stays open but ``lock``.
        """
        self.folder = folder
        self._lock = lock
        self.database_id = destination.noted_database(folder)
        """Of the database for which it was written; None: that is not known."""
        self.last_sign_of_life = folders.newest_change(folder)
        self._entries = StoredSegments(folder, "logs", ".copy")
        self._events = StoredSegments(folder, "runs", ".jsonl")
        with contextlib.ExitStack() as opened:
            opened.callback(self._entries.close)
            opened.callback(self._events.close)
            self.entries = Backlog(self._entries, folder / "logs.ack", torn_lines_count=True)
            opened.callback(self.entries.close)
            self.events = Backlog(self._events, folder / "runs.ack", torn_lines_count=True)
            opened.callback(self.events.close)
            self.deaths = examine(self._entries, self._events)
            opened.pop_all()

    def put_back_entries(self, rows: Sequence[Sequence[str]]) -> None:
        """Keep ``rows`` for the next one who adopts this folder, at the end of it.

        Raises:
            OSError: the disk takes none; they are not to be acknowledged.
        """
        lines = ["\t".join(map(escape, row)) + "\n" for row in rows]
        self._append(self._entries, "".join(lines).encode())

    def put_back_event(self, line: bytes) -> None:
        """Keep a run event for the next one, as ``put_back_entries`` does."""
        self._append(self._events, line + b"\n")

    def _append(self, segments: StoredSegments, lines: bytes) -> None:
        path = segments.next_path()
        append_whole(path, lines)
        # As old as the rest: it is no sign of life of the process.
        os.utime(path, (self.last_sign_of_life, self.last_sign_of_life))

    def close(self, *, remove: bool) -> None:
        """Give the folder back, or remove it when all is delivered."""
        for part in (self.entries, self.events, self._entries, self._events):
            part.close()
        if remove:
            folders.remove(self.folder, self._lock)
        self._lock.close()


def list_orphans(database_folder: Path, own: Path | None) -> list[Path]:
    """Return the folders of other processes of this database, oldest first; some may be alive."""
    _tell_newer(database_folder)
    return [folder for folder in folders.list_folders(database_folder) if folder != own]


def adopt_orphan(folder: Path) -> OrphanedSpool | None:
    """Take over the spool in ``folder`` if its owner is gone.

    Raises:
        OSError: it cannot be read now: out of descriptors, or files of another user.
    """
    lock = folders.adopt(folder)
    if lock is None:
        return None
    try:
        return OrphanedSpool(folder, lock)
    except OSError:
        lock.close()
        raise


def _tell_newer(database_folder: Path) -> None:
    newer = folders.list_newer(database_folder)
    if newer:
        told = f"{newer[0]} was written by a newer runlog and is left to it; upgrade to deliver it"
        notices.change("newer spools", str(newer[0]), told)
