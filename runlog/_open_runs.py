"""The runs that are open in this process: their events, and who owns them.

Runs start and end on the caller's thread; the shipper asks for progress. Never blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _binding

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._run import RunState


class OpenRuns:
    """Open runs of one recorder; ``append`` puts an event into its spool."""

    def __init__(
        self, append: Callable[[dict[str, Any]], None], to_json: Callable[[Any], str]
    ) -> None:
        self._append = append
        self._to_json = to_json
        self._runs: dict[str, RunState] = {}
        self._unannounced: set[str] = set()

    def start(self, run: RunState) -> None:
        """Take the start of ``run``."""
        self._unannounced.add(run.id_text)
        self._runs[run.id_text] = run
        _binding.open_runs[run.id_text] = run
        self._append(run.start_event(self._to_json))
        self._unannounced.discard(run.id_text)

    def finish(self, run: RunState, status: str, error_message: str | None) -> None:
        """Take the end of ``run``."""
        if run.id_text in self._unannounced:
            # Ctrl-C came before its start was written; its last entries need a row.
            self._append(run.start_event(self._to_json))
        self._append(run.finish_event(status, error_message, self._to_json))
        self.forget(run)

    def forget(self, run: RunState) -> None:
        """Let go of ``run`` without an event: it ended, or it is another process's."""
        self._unannounced.discard(run.id_text)
        self._runs.pop(run.id_text, None)
        _binding.open_runs.pop(run.id_text, None)

    def owned_ids(self) -> list[str]:
        """Return the open runs that this process started, not those it was forked in."""
        return [run.id_text for run in list(self._runs.values()) if run.is_own]

    def append_starts(self) -> None:
        """Write the starts of all open runs once more; who has them already ignores them."""
        for run in list(self._runs.values()):
            self._append(run.start_event(self._to_json))

    def append_progress(self) -> None:
        """Write what has changed in open runs since the last time."""
        for run in list(self._runs.values()):
            event = run.progress_event(self._to_json) if run.is_own else None
            if event is not None:
                self._append(event)

    def renew_locks(self) -> None:
        """Replace locks in a forked child."""
        for run in self._runs.values():
            run.renew_lock()
