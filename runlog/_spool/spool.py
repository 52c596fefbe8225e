"""The spool: where entries and run events wait, on disk, until PostgreSQL has them.

Appending runs on the caller's thread and must not block; everything else is the shipper's.
A spool is one process's folder with two rows of segments: ``logs-*.copy`` (entries, lines of COPY
text) and ``runs-*.jsonl`` (run events). Once ``append`` returns True the line is in the kernel: it
survives kill -9 of the process, not a power cut of the host.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING, Any

from runlog._entry.levels import INFO, WARNING
from runlog._entry.pack import pack
from runlog._process import voice
from runlog._process.notices import notices, say
from runlog._spool import destination, folders, memory
from runlog._spool.row import Row
from runlog._spool.segment import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlog._process.descriptor import Descriptor

_SEGMENTS_AT_LIMIT = 32

_SEGMENT_BYTES_MIN = 2**14

_SEGMENT_BYTES_MAX = 2**24

_EVENT_SEGMENT_BYTES = 2**20

_TRIES = 3

NEVER_SHED = 10**9
"""The level of what is taken under any pressure."""


class Spool:
    """This process's spool: append, and what waits in it."""

    def __init__(
        self,
        database_folder: Path | None,
        max_bytes: int,
        address: str = "",
        *,
        on_block: Callable[[], None] = lambda: None,
    ) -> None:
        """Make the folder, or use memory when there is none (``folder`` is None then).

        Args:
            database_folder: in which to make it.
            max_bytes: of all files.
            address: of the database, as people may read it, to be noted beside the folder.
            on_block: called when another block of entries waits, on the thread that wrote them.
        """
        self._database_folder = database_folder
        self._address = address
        self.folder, self._lock = self._made_folder()
        self._max_bytes = max_bytes
        self._shed_reason = "limit"
        size = min(max(max_bytes // _SEGMENTS_AT_LIMIT, _SEGMENT_BYTES_MIN), _SEGMENT_BYTES_MAX)
        self.entries = Row(
            self.folder, "logs", ".copy", size, self.measure, on_block, self._tell_memory
        )
        self.events = Row(
            self.folder, "runs", ".jsonl", _EVENT_SEGMENT_BYTES, on_memory=self._tell_memory
        )
        # Saved the other way round: without its run's start no entry can be stored.
        self._rows = (self.entries, self.events)
        if not self.is_safe():
            self._tell_memory()
        self.lowest_level = 0
        """The lowest level that is taken; what is below is shed."""
        self.take = self.entries.append
        """Write one entry's line whatever its level; False if nothing can take it (``append``)."""
        self._shed: dict[tuple[str, str], itertools.count[int]] = {}

    def append(self, line: bytes, levelno: int, run_id: str) -> bool:
        """Take one entry; False only after ``seal`` (the caller opens another spool).

        Under pressure an entry can be shed instead: counted, by run and level.
        """
        return (levelno >= self.lowest_level and self.take(line)) or self.shed(levelno, run_id)

    def shed(self, levelno: int, run_id: str) -> bool:
        """Count an entry that was not taken; False after ``seal``."""
        if self.is_sealed:
            return False
        reason = "disk" if levelno >= self.lowest_level else self._shed_reason
        next(self._shed.setdefault((run_id, reason), itertools.count()))
        return True

    def append_event(self, event: dict[str, Any]) -> bool:
        """Take one run event; False after ``seal``, or when nothing can take it."""
        writer = self.events.writer
        if writer.held:
            # A run's end must not come to stand before its start.
            writer.check()
        return writer.append(pack(event) + b"\n")

    def measure(self) -> None:
        """Decide by what the files hold which levels are shed from now on (DESIGN.md §4.2)."""
        writer = self.entries.writer
        share, memory_share = writer.files.bytes_held / self._max_bytes, writer.memory_share
        # Without a folder memory is all there is by intent; told at the start.
        is_refused = self.folder is not None and memory_share > share
        self._shed_reason = "disk" if is_refused else "limit"
        share = max(share, memory_share)
        steps = ((1.0, NEVER_SHED), (0.9, WARNING), (0.8, INFO))
        self.lowest_level = next((level for limit, level in steps if share >= limit), 0)
        self._tell_pressure()

    def _tell_pressure(self) -> None:
        topic = f"pressure {self.folder}"
        if self.lowest_level and not notices.is_in(topic, "shedding"):
            what = "the memory that stands in for a full disk" if self._shed_reason == "disk" else (
                "the spool (RUNLOG_SPOOL_MAX_BYTES)"
            )  # fmt: skip
            told = f"{what} is nearly full; entries are shed and counted, DEBUG first"
            notices.change(topic, "shedding", told)
        elif not self.lowest_level and notices.is_in(topic, "shedding"):
            notices.change(topic, "ok", "there is room for entries again; none is shed any more")

    @property
    def is_under_pressure(self) -> bool:
        """Tell whether entries are being shed."""
        return self.lowest_level > 0

    @property
    def is_sealed(self) -> bool:
        """Tell whether no further line gets in."""
        return self.entries.writer.is_sealed

    @property
    def is_on_disk(self) -> bool:
        """Tell whether entries written now survive the process."""
        return self.entries.writer.is_on_disk

    def leave_memory(self) -> None:
        """Bring what the disk refused back to files, as soon as it takes them again."""
        if not self._has_place():
            self._move()
        if self.folder is None:
            return
        if self.is_safe():
            topic = f"disk {self.folder}"
            if notices.is_in(topic, "refused"):
                notices.change(topic, "ok", f"{self.folder} takes entries again; all are on disk")
            return
        self._tell_memory()
        if memory.has_room(self.folder):
            for row in reversed(self._rows):
                row.writer.leave_memory()

    def is_safe(self) -> bool:
        """Tell whether no entry and no run event is, or comes to be, in memory only."""
        return all(row.is_safe() for row in self._rows)

    def _tell_memory(self) -> None:
        """Tell, at once and once, that entries begin to live in memory only."""
        if self.folder is None:
            return
        told = f"{self.folder} takes no more; entries are kept in memory, and lost with it"
        notices.change(f"disk {self.folder}", "refused", told)

    def _has_place(self) -> bool:
        """Tell whether there is a folder and it is ours; its lock may have been closed."""
        if self.folder is None or self._lock is None:
            return self._database_folder is None
        if self._lock.is_ours():
            return folders.is_in_place(self.folder, self._lock)
        lock = folders.adopt(self.folder)
        self._lock = lock or self._lock
        return lock is not None

    def _move(self) -> None:
        """Make another folder for what waits: there was none, or it was removed under us."""
        folder, lock = self._made_folder()
        if folder is None:
            if self.folder is not None:
                told = f"{self.folder} is gone, and no other can be made; a kill loses what waits"
                notices.change("folder", "gone", told)
            return
        if self.folder is not None:
            say(f"{self.folder} was removed; entries wait in {folder}")
        elif notices.is_in("folder", "none"):
            notices.change("folder", "ok", f"entries wait in {folder} from now on")
        if self._lock is not None:
            self._lock.close()
        self.folder, self._lock = folder, lock
        for row in self._rows:
            row.move_to(folder)

    @property
    def entries_taken(self) -> int:
        """Entries that were written to the spool since it was opened."""
        return self.entries.writer.lines_written

    def shed_counts(self) -> dict[tuple[str, str], int]:
        """Return how many entries were shed, by run id and reason (``limit`` or ``disk``)."""
        return {key: counted(count) for key, count in list(self._shed.items())}

    @property
    def entries_lost(self) -> int:
        """Entries, about, that were in memory which the program has closed."""
        return self.entries.count_lost()

    def touch(self) -> None:
        """Leave a sign of life that the next process on this host can read; mend what can be."""
        for row in self._rows:
            row.writer.check()
        if self._lock is not None and self._lock.is_ours():
            with contextlib.suppress(OSError):
                os.utime(self._lock.number)
        with contextlib.suppress(OSError):
            self.leave_memory()
        self.measure()
        self._tell_lost()
        voice.write_waiting()

    def _tell_lost(self) -> None:
        if lost := self.entries_lost + self.events.count_lost():
            told = "were in memory whose descriptors the program has closed; they are lost"
            notices.change(f"closed {id(self)}", "lost", f"{lost} entries {told}")

    def seal(self) -> None:
        """Let nothing further in; what is in can still be read."""
        # Entries first: ``is_sealed`` asks them, and whoever then finds no room for a run event
        # opens another spool; the other way round a run's end could be lost between the two.
        for row in self._rows:
            row.writer.check()
            row.seal()

    def close(self, *, remove: bool) -> None:
        """Close everything; with ``remove``, when all is delivered, the folder goes too."""
        self.seal()
        if not remove:
            self.secure()
        elif self.folder is not None and self._lock is not None:
            folders.remove(self.folder, self._lock)
        self.abandon()

    def secure(self) -> None:
        """Bring what is in memory to the disk, the last chance for it; tell what is lost."""
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                self.leave_memory()
            if self.folder is not None:
                for row in reversed(self._rows):
                    row.save(self.folder)
        lost, events = (row.count_in_memory() for row in self._rows)
        if self.folder is not None and lost + events:
            told = f"up to {lost} of them are in memory and lost: the disk took no more"
            if events:
                told += f"; so are {events} events of runs"
            if shed := sum(self.shed_counts().values()):
                # The rows that say so may be among what is lost.
                told += f"; {shed} entries were shed"
            notices.change(f"memory {self.folder}", f"lost {lost} {events}", told)

    def abandon(self) -> None:
        """Let go of everything without touching a file: at the end, or in a forked child."""
        for row in self._rows:
            row.abandon()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _made_folder(self) -> tuple[Path | None, Descriptor | None]:
        if self._database_folder is not None:
            for _ in range(_TRIES):
                with contextlib.suppress(OSError):
                    made = folders.create(self._database_folder)
                    if self._address:
                        destination.note_address(self._database_folder, self._address)
                    return made
        return None, None
