"""How far running runs are, told to whoever follows them: at the start, and when it changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runlog import queries
from runlog._readable import duration
from runlog.cli.show.run_columns import progress_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from runlog._database.driver import Connection

_EVERY_SECONDS = 5.0


class ProgressTeller:
    """Asks for what runs now, at most every few seconds, and tells what is another than before.

    Args:
        tell: gets a sentence for each run.
        script: the name or pattern of those that are followed; None: all.
        run_id: only this run.
    """

    def __init__(
        self, tell: Callable[[str], object], script: str | None, run_id: UUID | None = None
    ) -> None:
        self._tell = tell
        self._script = script
        self._run_id = run_id
        self._told: dict[UUID, Any] = {}
        self._due_at = 0.0

    def look(self, connection: Connection[Any]) -> None:
        """Tell what is new, if it is time to ask."""
        if time.monotonic() < self._due_at:
            return
        running = queries.running_now(connection, script=self._script)
        self._due_at = time.monotonic() + _EVERY_SECONDS
        before, self._told = self._told, {run.id: run.progress for run in running}
        for run in running:
            is_meant = self._run_id in {None, run.id}
            words = progress_words(run.progress)
            if is_meant and words and before.get(run.id) != run.progress:
                self._tell(f"{run.script_name}, running for {duration(run.elapsed_ms)}: {words}")
