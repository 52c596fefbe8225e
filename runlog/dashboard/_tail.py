"""Entries as they arrive, for any number of viewers: one stream of questions for each watched run.

A stream looks every half second, while anybody watches, and hands what is new to all of its
viewers. Processes deliver a moment after they log and each in its own time, so a look goes back a
little and leaves out what was seen. What a viewer missed before joining is asked for once, after
the stream's first look: so nothing falls between, and the browser leaves out what came twice.

Runs on the event loop; the questions run on its threads.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from runlog import queries
from runlog._database.reading import now_of
from runlog.dashboard import _words as words
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from runlog._database.driver import Connection
    from runlog.dashboard._database import Database
    from runlog.queries import Entry, RunDetail

POLL_SECONDS = 0.5
_RETRY_SECONDS = 2.0
_OVERLAP = timedelta(seconds=5)
# A look reads at most so many entries, of which so many at the most are older ones.
_LOOK, _REMEMBERED = 4000, 2000
# A run's end is in the database a moment before its last entries.
_QUIET_LOOKS_AFTER_END = 4
_WAITING_EVENTS = 200


@dataclass(frozen=True, slots=True)
class News:
    """What a stream tells its viewers.

    Attributes:
        kind: ``lines``, ``state``, ``trouble``, ``fine`` or ``end``.
    """

    kind: str
    entries: Sequence[Entry] = ()
    run: RunDetail | None = None
    text: str = ""


@dataclass(eq=False)
class Viewing:
    """One viewer's end of a stream: what waits to be sent.

    Attributes:
        is_over: nothing more comes; what waits is still sent.
    """

    is_over: bool = False
    waiting: asyncio.Queue[News | None] = field(
        default_factory=lambda: asyncio.Queue(_WAITING_EVENTS)
    )

    def tell(self, news: News) -> None:
        """Hand on ``news``; who does not take it in time is let go, and comes back."""
        try:
            self.waiting.put_nowait(news)
        except asyncio.QueueFull:
            self.is_over = True

    def end(self) -> None:
        """Let this viewer go."""
        self.is_over = True
        with suppress(asyncio.QueueFull):
            self.waiting.put_nowait(None)

    async def news(self) -> AsyncIterator[News]:
        """Yield what arrives, until the stream ends or this viewer was too slow."""
        while not (self.is_over and self.waiting.empty()):
            item = await self.waiting.get()
            if item is not None:
                yield item


class Stream:
    """One stream of looks: at one run, or at all of them where ``run_id`` is None."""

    def __init__(self, database: Database, run_id: UUID | None) -> None:
        self.run_id = run_id
        self.viewers: set[Viewing] = set()
        self.looks = 0
        self.first_look = asyncio.Event()
        self._database = database
        self._point: datetime | None = None
        self._seen: OrderedDict[UUID, datetime] = OrderedDict()
        self._state = ""
        self._quiet = 0

    async def run(self) -> None:
        """Look and tell until nobody watches any more, or the run has ended."""
        in_trouble = False
        while self.viewers:
            try:
                entries, run = await run_in_threadpool(self._look)
            except RunlogError as error:
                if not in_trouble:
                    self._tell(News("trouble", text=str(error)))
                in_trouble = True
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if in_trouble:
                self._tell(News("fine"))
                in_trouble = False
            self.first_look.set()
            if self._pass_on(entries, run):
                return
            await asyncio.sleep(POLL_SECONDS)

    def _pass_on(self, entries: Sequence[Entry], run: RunDetail | None) -> bool:
        """Tell what is new; return whether the run is over."""
        if entries:
            self._tell(News("lines", entries=entries))
        if self.run_id is None:
            return False
        if run is not None and run.state != self._state:
            self._state = run.state
            self._tell(News("state", run=run))
        has_ended = run is None or run.status != "running"
        self._quiet = self._quiet + 1 if has_ended and not entries else 0
        if self._quiet < _QUIET_LOOKS_AFTER_END:
            return False
        self._tell(News("end", run=run))
        return True

    def _tell(self, news: News) -> None:
        for viewer in self.viewers:
            viewer.tell(news)

    def end(self) -> None:
        """Let every viewer go."""
        self.first_look.set()
        for viewer in self.viewers:
            viewer.end()

    def _look(self) -> tuple[list[Entry], RunDetail | None]:
        self.looks += 1
        with self._database.page() as connection:
            run = self.run_id and queries.find_run(connection, run_id=self.run_id)
            if self._point is None:
                self._begin(connection)
                return [], run or None
            found = read_after(connection, self.run_id, self._from(), _LOOK)
        fresh = [entry for entry in found if entry.id not in self._seen]
        self._note(fresh)
        return fresh, run or None

    def _begin(self, connection: Connection[Any]) -> None:
        """Count as seen what is there."""
        if self.run_id is None:
            now = now_of(connection)
            newest = read_after(connection, None, now - _OVERLAP, _REMEMBERED)
            self._point = now
        else:
            newest = queries.newest_entries_of_run(
                connection, run_id=self.run_id, limit=_REMEMBERED
            )[::-1]
            self._point = datetime.fromtimestamp(0, UTC)
        self._note(newest)

    def _from(self) -> datetime:
        begin = (self._point or datetime.now(UTC)) - _OVERLAP
        if len(self._seen) < _REMEMBERED:
            return begin
        # Many lines a second: what is remembered reaches back less far.
        return max(begin, next(iter(self._seen.values())))

    def _note(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            moment = words.aware(entry.timestamp)
            self._seen[entry.id] = moment
            self._point = max(self._point or moment, moment)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


class Hub:
    """The streams of one dashboard."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: dict[UUID | None, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def streams(self) -> list[Stream]:
        """The streams that are watched now."""
        return list(self._streams.values())

    @asynccontextmanager
    async def watch(self, run_id: UUID | None) -> AsyncIterator[Viewing]:
        """Join the stream of a run, or of all runs; it has looked once when the block begins."""
        viewing = Viewing()
        stream = self._streams.get(run_id)
        if stream is None:
            stream = self._streams[run_id] = Stream(self._database, run_id)
            stream.viewers.add(viewing)
            task = asyncio.create_task(self._keep(stream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        stream.viewers.add(viewing)
        try:
            await stream.first_look.wait()
            yield viewing
        finally:
            stream.viewers.discard(viewing)

    async def _keep(self, stream: Stream) -> None:
        try:
            await stream.run()
        finally:
            if self._streams.get(stream.run_id) is stream:
                del self._streams[stream.run_id]
            stream.end()

    async def close(self) -> None:
        """End all streams."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def read_after(
    connection: Connection[Any], run_id: UUID | None, begin: datetime, limit: int
) -> list[Entry]:
    """Return the entries of a run, or of all, from a moment on."""
    if run_id is None:
        return list(queries.entries_after(connection, after=begin, limit=limit))
    return queries.entries_of_run(connection, run_id=run_id, after=begin, limit=limit)
