"""Entries as server-sent events: of one run, or of all."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import anyio
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from runlog.dashboard import _words as words
from runlog.dashboard._filters import id_of, level_of, text_of
from runlog.dashboard._lines import as_sent
from runlog.dashboard._site import kind_of, site_of, viewer
from runlog.dashboard._tail import News, Viewing, read_after
from runlog.dashboard._viewer import iso
from runlog.errors import RunlogError
from runlog.queries._parameters import LEVELS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from uuid import UUID

    from starlette.requests import Request
    from starlette.responses import Response

    from runlog.queries import Entry

_OVERLAP = timedelta(seconds=5)
_CAUGHT_UP = 4000
_GRACE_SECONDS = 0.4


async def tail_run(request: Request) -> Response:
    """Answer ``/runs/{run}/tail``."""
    run_id = id_of(request.path_params["run"])
    if run_id is None:
        raise HTTPException(404, "there is no such run")
    return _answer(request, run_id)


async def tail_all(request: Request) -> Response:
    """Answer ``/logs/tail``."""
    return _answer(request, None)


def _answer(request: Request, run_id: UUID | None) -> Response:
    # Set when the server is to end: the stream then ends well, instead of being cut off.
    ending = anyio.Event()
    return EventSourceResponse(
        _events(request, run_id, ending),
        shutdown_event=ending,
        shutdown_grace_period=_GRACE_SECONDS,
    )


async def _events(
    request: Request, run_id: UUID | None, ending: anyio.Event
) -> AsyncIterator[dict[str, Any]]:
    looking, wanted = viewer(request), _wanted(request)
    site, missed_from = site_of(request), _missed_from(request)

    def told(entries: Sequence[Entry]) -> dict[str, Any]:
        lines = [as_sent(entry, looking) for entry in entries if wanted(entry)]
        return {"event": "lines", "data": words.to_json(lines), "id": iso(entries[-1].timestamp)}

    async with site.hub.watch(run_id) as viewing, _ended_by(ending, viewing):
        if missed_from is not None:
            try:
                missed = await run_in_threadpool(_missed, site.database, run_id, missed_from)
            except RunlogError:
                # The stream says so itself.
                missed = []
            if missed:
                yield told(missed)
        async for news in viewing.news():
            yield told(news.entries) if news.kind == "lines" else _event(news)


@asynccontextmanager
async def _ended_by(ending: anyio.Event, viewing: Viewing) -> AsyncIterator[None]:
    async def wait() -> None:
        await ending.wait()
        viewing.end()

    waiting = asyncio.create_task(wait())
    try:
        yield
    finally:
        waiting.cancel()


def _event(news: News) -> dict[str, Any]:
    state = news.run.state if news.run else ""
    data = {"state": state, "kind": kind_of(state), "text": news.text}
    return {"event": news.kind, "data": words.to_json(data)}


def _missed(database: Any, run_id: UUID | None, begin: datetime) -> list[Entry]:
    with database.page() as connection:
        return read_after(connection, run_id, begin, _CAUGHT_UP)


def _missed_from(request: Request) -> datetime | None:
    """Return from when on to catch up: a little before the last event, or as the page says."""
    last = request.headers.get("last-event-id")
    text = last or text_of(request, "after")
    try:
        moment = words.aware(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None
    return moment - _OVERLAP if moment and last else moment


def _wanted(request: Request) -> Callable[[Entry], bool]:
    """Return whether an entry passes the filters of the page, as the database would decide."""
    level, step, script = level_of(request), text_of(request, "step"), text_of(request, "script")
    text = (text_of(request, "q") or "").lower()
    levels = set(LEVELS[LEVELS.index(level) :]) if level else None

    def wanted(entry: Entry) -> bool:
        return (
            (levels is None or entry.level.upper() in levels)
            and (step is None or fnmatchcase(entry.step, _pattern(step)))
            and (script is None or fnmatchcase(getattr(entry, "script_name", ""), _pattern(script)))
            and (not text or text in f"{entry.message}\n{words.to_json(entry.meta)}".lower())
        )

    return wanted


def _pattern(name: str) -> str:
    # Only * and ? are wild in a name.
    return name.replace("[", "[[]")
