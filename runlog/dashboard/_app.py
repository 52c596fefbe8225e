"""The dashboard as an ASGI application: its routes, its guard, and what it says in trouble."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from runlog.dashboard._access import HEADERS, Access, Guard
from runlog.dashboard._database import Database, is_slow
from runlog.dashboard._site import (
    HERE,
    Site,
    format_of,
    json_answer,
    make_environment,
    page,
    site_of,
)
from runlog.dashboard._tail import Hub
from runlog.dashboard._viewer import find_zone
from runlog.dashboard._watching import Watching
from runlog.dashboard.routes import (
    about,
    alerts,
    analytics,
    errors,
    logs,
    overview,
    run,
    runs,
    script,
    search,
    session,
    tail,
)
from runlog.errors import (
    DatabaseUnavailableError,
    QueryError,
    RunlogError,
    SchemaError,
    SettingError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

_COMPRESSION = 5
_SERVER_ERROR = 500


def create_app(
    dsn: str | None = None,
    *,
    token: str | None = None,
    user_header: str | None = None,
    hosts: frozenset[str] | None = None,
    timezone: str = "UTC",
) -> Starlette:
    """Return the dashboard as an ASGI application, to be served or mounted.

    It connects at the first page, read-only, and never writes.

    Args:
        dsn: the database; default: that of the environment, as for recording.
        token: what one has to know to look; default: nobody is asked, because the application
            around it does.
        user_header: a header in which a proxy in front names who has logged in; a request without
            it is refused.
        hosts: names by which the dashboard may be called; default: any.
        timezone: whose hours are shown to who has told no time zone.

    Raises:
        SettingError: a setting, or the time zone, cannot be meant.
    """
    if find_zone(timezone) is None:
        told = f"time zone {timezone!r} is unknown; use a name such as Europe/Berlin"
        raise SettingError(told, name="timezone")
    database = Database(dsn)
    hub = Hub(database)
    access = Access(token, user_header, hosts)
    site = Site(database, hub, make_environment(), timezone, token is not None, Watching(database))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await hub.close()
            database.close()

    app = Starlette(
        routes=list(_routes()),
        middleware=[
            Middleware(Guard, access=access),
            Middleware(GZipMiddleware, minimum_size=800, compresslevel=_COMPRESSION),
        ],
        exception_handlers={
            RunlogError: _trouble,
            HTTPException: _refused,
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    app.state.site, app.state.access = site, access
    return app


def _routes() -> Iterator[Route | Mount]:
    yield from _with_twins("/", overview.overview, index="/overview")
    yield from _with_twins("/runs", runs.runs)
    yield Route("/runs/{run}/tail", tail.tail_run)
    yield Route("/runs/{run}/raw", run.raw)
    yield Route("/runs/{run}/compare", run.compare)
    yield Route("/runs/{run}/lines/{number:int}", run.line)
    yield Route("/runs/{run}/lines/{number:int}.json", run.line)
    yield from _with_twins("/runs/{run}", run.run)
    yield from _with_twins("/scripts", script.script)
    yield from _with_twins("/scripts/{name}", script.script)
    yield from _with_twins("/errors", errors.errors)
    yield from _with_twins("/errors/{fingerprint}", errors.kind)
    yield Route("/logs/tail", tail.tail_all)
    yield from _with_twins("/logs", logs.logs)
    yield from _with_twins("/alerts", alerts.alerts)
    yield from _with_twins("/analytics", analytics.analytics)
    yield Route("/search", search.search)
    yield Route("/help", about.about)
    yield Route("/login", session.login, methods=["GET", "POST"])
    yield Route("/logout", session.logout, methods=["POST"])
    yield Route("/preferences", session.preferences)
    yield Route("/healthz", _health)
    yield Mount("/static", StaticFiles(directory=HERE / "static"))


def _with_twins(
    path: str, endpoint: Callable[[Request], Response], index: str = ""
) -> Iterator[Route]:
    for ending in (".json", ".csv"):
        yield Route(f"{index or path}{ending}", endpoint)
    yield Route(path, endpoint)


def _health(_: Request) -> Response:
    """Whether this process serves; asks no database and tells nothing of it."""
    return PlainTextResponse("ok\n")


def _trouble(request: Request, error: Exception) -> Response:
    """Say what is wrong with the database and what to do."""
    if isinstance(error, QueryError):
        status, title = 400, "That cannot be meant"
    elif isinstance(error, SchemaError):
        status, title = 503, "The tables cannot be read"
    elif not isinstance(error, DatabaseUnavailableError):
        status, title = 503, "The database refused the question"
    elif is_slow(error):
        status, title = 503, "That would have taken too long"
    else:
        status, title = 503, "The database cannot be reached"
    return _say(request, status, title, str(error), since=site_of(request).database.away_since)


def _refused(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 400)
    titles = {404: "Not found", 400: "That cannot be meant", 405: "Not like this"}
    detail = str(getattr(error, "detail", ""))
    told = "there is no such page" if detail == "Not Found" else detail
    answer = _say(request, status, titles.get(status, "Refused"), told)
    # Which methods would do, where one does not.
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _broken(request: Request, error: Exception) -> Response:
    # To whoever runs the server, never to whoever looks.
    print(f"runlog: {type(error).__name__} at {request.url.path!r}", file=sys.stderr)
    told = "this should not happen; the server's own output says more"
    answer = _say(request, _SERVER_ERROR, "Something broke", told)
    # Made outside of the guard, which dresses all others.
    answer.headers.update(HEADERS)
    return answer


def _say(request: Request, status: int, title: str, text: str, **values: Any) -> Response:
    if format_of(request) != "html":
        return json_answer({"error": title, "detail": text}, status)
    values.setdefault("since", None)
    return page(
        request,
        "trouble.html",
        status=status,
        heading=title,
        told=text[:1].upper() + text[1:],
        status_code=status,
        icon="attention",
        **values,
    )
