"""Entries as they arrive, from any number of processes.

Processes deliver a moment after they log, each in its own time, so an entry may lie before others
that were seen already. Each look therefore goes back a little (``_OVERLAP``) and leaves out what
was shown. The database may go away in between; following goes on when it is back, and tells whoever
follows of it (``tell``). On the caller's thread, which waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runlog._database import driver, reading
from runlog.errors import DatabaseUnavailableError
from runlog.queries._entries import entries_after, entries_of_run
from runlog.queries._runs import find_run, last_runs

if TYPE_CHECKING:
    from uuid import UUID

    from runlog._database.driver import Connection
    from runlog.queries._rows import Entry, Run

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_OVERLAP = timedelta(seconds=30)
_POLL_SECONDS = 0.5
_RUNS_WATCHED = 200
# A run's end is in the database a moment before its last entries.
_QUIET_POLLS_AFTER_END = 4

Look = Callable[["Connection[Any]", datetime], list["Entry"]]
Tell = Callable[[str], object]
# What else is asked at each look; it may find the database away.
Beside = Callable[["Connection[Any]"], object]


class Following:
    """One stream of new entries; ``look`` asks for those from a moment on.

    ``shown`` are the entries that have been printed already; with what lies before the last of
    them they do not come again. Nothing is asked before ``until`` or ``new`` is used.
    """

    def __init__(
        self,
        connection: Connection[Any],
        look: Look,
        start: datetime,
        shown: Sequence[Entry] = (),
        tell: Tell = lambda _: None,
    ) -> None:
        self._tell = tell
        self._connection = connection
        self._dsn = connection.info.dsn
        self._password = connection.info.password
        self._look = look
        self._point = start
        self._last_shown = shown[-1] if shown else None
        self._seen: dict[UUID, datetime] = {}

    def note(self, entry: Entry) -> None:
        """Count ``entry`` as shown."""
        self._seen[entry.id] = entry.timestamp
        self._point = max(self._point, entry.timestamp)

    def _pass_over_shown(self) -> None:
        """Count as shown what was shown last and everything that lies before it."""
        last = self._last_shown
        if last is None:
            return
        self.note(last)
        for entry in self._look(self._connection, self._point - _OVERLAP):
            if (entry.timestamp, entry.id) <= (last.timestamp, last.id):
                self.note(entry)
        # Only now: whoever lost the connection on the way asks once more.
        self._last_shown = None

    @property
    def remembered(self) -> int:
        """How many entries are known as shown; older ones are not asked for again."""
        return len(self._seen)

    def new(self) -> list[Entry]:
        """Return what has arrived since the last call, in order."""
        self._pass_over_shown()
        begin = self._point - _OVERLAP
        found = [e for e in self._look(self._connection, begin) if e.id not in self._seen]
        for entry in found:
            self.note(entry)
        # What lies before the next look is not asked for again.
        oldest = self._point - _OVERLAP
        self._seen = {key: at for key, at in self._seen.items() if at >= oldest}
        return found

    def until(self, has_ended: Callable[[Connection[Any]], bool]) -> Iterator[Entry]:
        """Yield entries as they arrive, until the end and a quiet moment after it.

        The connection is closed then: it need not be the one that was given.
        """
        try:
            yield from self._until(has_ended)
        finally:
            self._connection.close()

    def _until(self, has_ended: Callable[[Connection[Any]], bool]) -> Iterator[Entry]:
        quiet = 0
        while quiet < _QUIET_POLLS_AFTER_END:
            try:
                # Asked before looking: what was there at the end is then seen for sure.
                ended = has_ended(self._connection)
                found = self.new()
            except DatabaseUnavailableError as error:
                self._reconnect(error)
                continue
            yield from found
            quiet = quiet + 1 if ended and not found else 0
            time.sleep(_POLL_SECONDS)

    def _reconnect(self, error: DatabaseUnavailableError) -> None:
        self._tell(f"{error}; trying again")
        while True:
            time.sleep(2 * _POLL_SECONDS)
            with suppress(DatabaseUnavailableError):
                self._connection.close()
                self._connection = reading.connect(self._address())
                self._tell("the database answers again")
                return

    def _address(self) -> str:
        return driver.make_conninfo(
            self._dsn, **({"password": self._password} if self._password else {})
        )


def follow_run(
    connection: Connection[Any],
    run: Run,
    filters: dict[str, Any],
    shown: list[Entry],
    tell: Tell = lambda _: None,
    beside: Beside = lambda _: None,
) -> Iterator[Entry]:
    """Yield the entries of ``run`` that are not ``shown`` yet, until it has ended."""

    def look(connection: Connection[Any], begin: datetime) -> list[Entry]:
        return entries_of_run(connection, run_id=run.id, after=begin, **filters)

    def has_ended(connection: Connection[Any]) -> bool:
        beside(connection)
        now = find_run(connection, run_id=run.id)
        return now is None or now.status != "running"

    start = shown[-1].timestamp if shown else run.started_at or _EVER
    return Following(connection, look, start, shown, tell).until(has_ended)


def follow_all(
    connection: Connection[Any],
    start: datetime,
    filters: dict[str, Any],
    shown: list[Entry],
    tell: Tell = lambda _: None,
    beside: Beside = lambda _: None,
) -> Iterator[Entry]:
    """Yield entries of all runs as they arrive, for ever."""

    def look(connection: Connection[Any], begin: datetime) -> list[Entry]:
        return list(entries_after(connection, after=begin, limit=10**6, **filters))

    def never(connection: Connection[Any]) -> bool:
        beside(connection)
        return False

    return Following(connection, look, start, shown, tell).until(never)


def follow_runs(
    connection: Connection[Any], filters: dict[str, Any], shown: Sequence[Run] = ()
) -> Iterator[Run]:
    """Yield runs that begin, and runs that stand otherwise than before, for ever.

    Raises:
        DatabaseUnavailableError: the database went away.
    """
    states = {run.id: run.state for run in shown}
    while True:
        for run in reversed(last_runs(connection, limit=_RUNS_WATCHED, **filters)):
            if states.get(run.id) != run.state:
                states[run.id] = run.state
                yield run
        time.sleep(2 * _POLL_SECONDS)
