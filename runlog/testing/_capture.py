"""capture(): what a block records, without any database.

For ``runlog.testing`` only; pytest is not needed.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runlog._capture.calls import is_claimed
from runlog._capture.handler import RunLogHandler
from runlog.testing._redirected import SpoolRecorder, redirected
from runlog.testing._spool_reading import CapturedRun, read_entries, read_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._settings import Settings
    from runlog.queries._rows import Entry

_ADDRESS = "host=captured.invalid"
_ROOT = "host=root.invalid"


class Capture:
    """What was recorded since ``capture()`` began; still readable when it has ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recorders: dict[tuple[str | None, str], SpoolRecorder] = {}
        self._kept: tuple[list[CapturedRun], list[Entry]] | None = None

    @property
    def runs(self) -> list[CapturedRun]:
        """Every run as its row would stand now, in the order of their starts."""
        if self._kept:
            return self._kept[0]
        folders = [*self._folders(), *self._folders(_ROOT)]
        runs = [run for folder in folders for run in read_runs(folder)]
        return sorted(runs, key=lambda run: (run.started_at, run.id))

    @property
    def entries(self) -> list[Entry]:
        """Every entry of all runs, also of forked children, in the order of the calls."""
        if self._kept:
            return self._kept[1]
        of_handlers, of_root = self._folders(), self._folders(_ROOT)
        entries = [entry for folder in of_handlers for entry in read_entries(folder)]
        known = {(entry.run_id, entry.timestamp) for entry in entries}
        rest = [entry for folder in of_root for entry in read_entries(folder)]
        entries += [entry for entry in rest if (entry.run_id, entry.timestamp) not in known]
        return sorted(entries, key=lambda entry: (entry.timestamp, entry.id))

    @property
    def run(self) -> CapturedRun:
        """The only run.

        Raises:
            AssertionError: there is none, or more than one.
        """
        runs = self.runs
        if len(runs) != 1:
            names = ", ".join(run.script_name for run in runs) or "none"
            raise AssertionError(f"expected one run, captured {len(runs)}: {names}")
        return runs[0]

    @property
    def unbound(self) -> int:
        """How many records were logged outside of any run; they are not stored."""
        return sum(recorder.stats().unbound for recorder in self._recorders.values())

    def recorder_for(self, settings: Settings) -> SpoolRecorder:
        """Return the recorder that stands for the database of ``settings``."""
        key = (settings.dsn, settings.schema)
        if key not in self._recorders:
            folder = self._folder / str(len(self._recorders))
            self._recorders[key] = SpoolRecorder(
                settings.replaced(dsn=_ADDRESS, spool_dir=str(folder), enabled=True)
            )
        return self._recorders[key]

    def _folders(self, dsn: str | None = None) -> list[Path]:
        """Return where the recorders write: that of the root logger's handler, or all others."""
        is_wanted = dsn == _ROOT
        found = [made for key, made in self._recorders.items() if (key[0] == _ROOT) is is_wanted]
        return [made.folder for made in found if made.folder is not None]

    def keep(self) -> None:
        """Read everything while the folder is there."""
        self._kept = (self.runs, self.entries)
        for recorder in self._recorders.values():
            recorder.close()


class _Rest(RunLogHandler):
    """Takes what the program's own handlers and processors leave."""

    def emit(self, record: logging.LogRecord) -> None:
        if not is_claimed(record):
            super().emit(record)


@contextmanager
def capture(level: int | str = "INFO") -> Iterator[Capture]:
    """Capture runs and entries of the code in the block, which needs no database and no change.

    What is captured is what would be stored: it goes through the real encoding into a real spool
    in a temporary folder, from which it is read back. Handlers and processors that exist already
    are captured too, whatever database they were given, and so is every record that reaches the
    root logger. ``runlog.install()`` in the block is undone at its end.

    Not for several threads at once; forked children are captured, others (spawn, subprocess)
    record to their own database.

    Args:
        level: the root logger is lowered to this for the block. Default: INFO.
    """
    root = logging.getLogger()
    before = root.level
    folder = Path(tempfile.mkdtemp(prefix="runlog-capture-"))
    captured = Capture(folder)
    try:
        with contextlib.ExitStack() as stack:
            stack.callback(captured.keep)
            stack.enter_context(redirected(captured.recorder_for))
            handler = _Rest(_ROOT)
            root.setLevel(level)
            root.setLevel(min(before, root.level))
            root.addHandler(handler)
            stack.callback(root.removeHandler, handler)
            yield captured
    finally:
        root.setLevel(before)
        shutil.rmtree(folder, ignore_errors=True)
