"""Who watches, and what is late: what the pages show of alerts where their tables are.

A database that was never migrated for alerts, or a role that may not read them, shows nothing of
it. Asked at most every quarter of a minute; runs on the threads of the web server.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from runlog.alerts import Care, ScriptDue, is_watched
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from runlog._database.driver import Connection
    from runlog.dashboard._database import Database

_KEPT_SECONDS: Final = 15.0


class Watching:
    """Whether nobody watches any more, for the header of each page."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._until = 0.0
        self._is_missed = False

    def is_missed(self) -> bool:
        """Tell whether somebody should watch and nobody does; False where nobody can know."""
        with self._lock:
            if time.monotonic() < self._until:
                return self._is_missed
            self._until = time.monotonic() + _KEPT_SECONDS
        self._is_missed = self._ask()
        return self._is_missed

    def _ask(self) -> bool:
        try:
            with self._database.page() as connection:
                care = Care(connection, self._database.schema)
                return care.is_there() and is_watch_missed(care)
        except RunlogError:
            # The page itself says what is wrong with the database.
            return False


def is_watch_missed(care: Care) -> bool:
    """Tell whether nobody watches though somebody did, or though a script declares what it expects.

    Who never set up alerts is told nothing of it.
    """
    watchers = care.watchers()
    return not is_watched(watchers) and (bool(watchers) or care.is_expecting())


def find_dues(connection: Connection[Any], schema: str) -> dict[str, ScriptDue]:
    """Return when scripts are due, by their names; nothing where nobody can know."""
    care = Care(connection, schema)
    if not care.is_there():
        return {}
    return {due.script_name: due for due in care.dues() if due.retired_at is None}
