"""A row of segments: the files of one kind of a living process, what writes them, and what waits.

A spool has two, entries and run events, and treats them alike. ``append`` is on the caller's
thread; everything else is the shipper's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog._spool.backlog import Backlog, Position, UnreadableError
from runlog._spool.segment import left_file
from runlog._spool.whole import append_whole
from runlog._spool.writer import SegmentWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Row(Backlog):
    """``<stem>-000001<suffix>`` and so on, from the line that is delivered next to the last one."""

    def __init__(
        self,
        folder: Path | None,
        stem: str,
        suffix: str,
        segment_bytes: int,
        on_full: Callable[[], None] = lambda: None,
        on_block: Callable[[], None] = lambda: None,
        on_memory: Callable[[], None] = lambda: None,
    ) -> None:
        """Make the first file, or begin in memory where ``folder`` is None or takes none."""
        self.writer = SegmentWriter(
            folder, stem, suffix, segment_bytes, on_full, on_block, on_memory
        )
        self.append = self.writer.append
        """Write one whole line; False if nothing can take it."""
        self._name_of = f"{stem}-{{:06d}}{suffix}".format
        self._ack_name = f"{stem}.ack"
        ack_path = folder / self._ack_name if folder is not None else None
        super().__init__(self.writer.files, ack_path, torn_lines_count=False)

    def _checked(self, position: Position) -> Position:  # noqa: ARG002 - see Backlog
        """Return the first line: nothing was acknowledged of what is only begun."""
        return Position(self.writer.files.first(), 0)

    def acknowledge(self, end: Position) -> None:
        """Forget everything before ``end``; finished files are unlinked. Never raises."""
        self.writer.files.settle_lost(self.position)
        super().acknowledge(end)

    def end(self) -> Position:
        """Return the place after the last line that was appended until now; never raises."""
        self.writer.check()
        if self.writer.held:
            # They will stand in a file that there is not yet.
            return Position(self.writer.files.last() + 1, 0)
        return super().end()

    def mark(self) -> Callable[[], bool]:
        """Return what tells whether everything that was appended until now is acknowledged.

        While a line is held nobody knows where it will stand: another thread may be just making the
        file. So its place is asked for until there is one.
        """
        end: Position | None = None

        def is_passed() -> bool:
            nonlocal end
            if end is None:
                self.writer.check()
                # Before the end is looked for: what is written in between must be seen by that.
                end = super(Row, self).end() if self.writer.held.is_settled() else None
            return end is not None and self.position >= end

        is_passed()
        return is_passed

    def is_empty(self) -> bool:
        """Tell whether no whole line waits at this moment; not while that cannot be read."""
        return self.writer.held.is_settled() and super().is_empty()

    def count_waiting(self) -> int:
        """Count the lines that wait; reads them, so not for the hot path.

        Never raises: about as many as it must be, where they cannot be read now.
        """
        try:
            waiting = super().count_waiting()
        except UnreadableError:
            lines = self.writer.lines_written - len(self.writer.held)
            waiting = self.writer.files.estimate_waiting(self.position, lines)
        return len(self.writer.held) + waiting

    def is_safe(self) -> bool:
        """Tell whether no line is, or comes to be, in memory only."""
        writer = self.writer
        return writer.is_on_disk and not writer.held and not writer.files.bytes_in_memory

    def count_lost(self) -> int:
        """Count the lines that were in memory whose descriptors somebody has closed."""
        return self.writer.files.count_lost(self.position)

    def count_in_memory(self) -> int:
        """Count the lines that wait and that no file holds."""
        held = len(self.writer.held)
        lines = self.writer.lines_written - held
        return held + self.writer.files.count_in_memory(self.position, lines)

    def save(self, folder: Path) -> None:
        """Bring what is in memory to ``folder``, the last chance for it; it waits there."""
        self.writer.leave_memory()
        if lines := self.writer.held.take_all():
            number = self.writer.files.last() + 1
            path = folder / self._name_of(number)
            try:
                append_whole(path, b"".join(lines))
                # Known as a file that waits: the shipper may not have ended, and removes the folder
                # of a spool in which nothing waits.
                self.writer.files.add(left_file(number, path, self.writer.lines_written))
            except OSError:
                self.writer.held.give_back(lines)

    def move_to(self, folder: Path) -> None:
        """Write to ``folder`` from now on; the one before was removed, or there was none."""
        self.writer.move_to(folder)
        self.keep_position_in(folder / self._ack_name)

    def seal(self) -> None:
        """Let nothing further in; what is in can still be read."""
        self.writer.seal()

    def abandon(self) -> None:
        """Close everything and leave the files: at the end, or to the parent after a fork."""
        self.close()
        self.writer.abandon()
