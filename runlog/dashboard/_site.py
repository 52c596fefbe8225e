"""One dashboard: its database, its templates, and how an answer becomes HTML, JSON or CSV."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
from starlette.responses import HTMLResponse, Response, StreamingResponse

from runlog._process.distribution import version
from runlog._readable import plural
from runlog.dashboard import _charts as charts
from runlog.dashboard import _words as words
from runlog.dashboard._access import ROOT
from runlog.dashboard._viewer import Viewer, iso, viewer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from starlette.requests import Request

    from runlog.dashboard._database import Database
    from runlog.dashboard._tail import Hub
    from runlog.dashboard._watching import Watching

HERE: Final = Path(__file__).resolve().parent
PAGES: Final = (
    ("overview", "Overview", "/", "o"),
    ("runs", "Runs", "/runs", "r"),
    ("errors", "Errors", "/errors", "e"),
    ("logs", "Logs", "/logs", "l"),
    ("alerts", "Alerts", "/alerts", "w"),
    ("analytics", "Analytics", "/analytics", "a"),
)
"""The navigation: name, title, path, and the key after ``g``. A page is a line here, a file in
``routes`` and a template."""
STATES: Final = {
    "running": "running",
    "success": "success",
    "partial": "partial",
    "error": "failed",
    "failed": "failed",
    "crashed": "crashed",
    "lost?": "crashed",
    "missed": "missed",
    "late": "late",
}
"""How a run stands, as queries say it → which icon and colour."""
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Site:
    """What the routes share; one for each application."""

    database: Database
    hub: Hub
    environment: jinja2.Environment
    timezone: str
    needs_login: bool
    watching: Watching


def site_of(request: Request) -> Site:
    """Return the dashboard that ``request`` was sent to."""
    site: Site = request.app.state.site
    return site


def format_of(request: Request) -> str:
    """Return ``html``, ``json`` or ``csv``, as the path ends."""
    ending = request.url.path.rpartition(".")[2]
    return ending if ending in {"json", "csv"} else "html"


def root_of(request: Request) -> str:
    """Return the path under which the dashboard is mounted, without a slash at its end."""
    scope = request.scope
    return str(scope.get(ROOT, scope.get("root_path", ""))).rstrip("/")


def viewer(request: Request) -> Viewer:
    """Return how who looks wants to see."""
    return viewer_of(request.cookies, site_of(request).timezone)


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    now: datetime | None = None,
    **values: Any,
) -> HTMLResponse:
    """Return a page of HTML.

    Args:
        request: what was asked.
        template: the file in ``templates``.
        status: the HTTP status.
        now: the database's clock, for ages.
        values: what the template shows.
    """
    site, root, looking = site_of(request), root_of(request), viewer(request)
    moment = now or datetime.now(UTC)
    html = site.environment.get_template(template).render(
        pages=PAGES,
        viewer=looking,
        now=moment,
        url=lambda path: f"{root}{path}",
        script_url=lambda name: f"{root}{words.script_path(name)}",
        query=_query(request),
        here=request.url.path.removeprefix(root) or "/",
        full_path=words.with_query(request.url.path, _query(request)),
        needs_login=site.needs_login,
        nobody_watches=site.watching.is_missed(),
        ago=lambda at: looking.short(at, moment),
        **values,
    )
    return HTMLResponse(html, status)


def _query(request: Request) -> dict[str, str]:
    # How a page fetches itself without its lines is no filter that its links should keep.
    return {name: value for name, value in request.query_params.items() if name != "lines"}


def json_answer(value: object, status: int = 200) -> Response:
    """Return ``value`` as JSON; rows become objects, with their computed state."""
    if isinstance(value, dict):
        value = {name: _plain(item) for name, item in value.items()}
    return Response(words.to_json(_plain(value)), status, media_type="application/json")


def _plain(value: Any) -> Any:
    """Return a row, or a list of rows, as objects; what stands in a column stays as it is."""
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return [record_of(row) for row in value]
    return record_of(value) if is_dataclass(value) and not isinstance(value, type) else value


def record_of(row: Any) -> dict[str, Any]:
    """Return the columns of a row, and what is computed of them."""
    record = {field.name: _plain(getattr(row, field.name)) for field in fields(row)}
    for name in ("state", "elapsed_ms", "records_per_second"):
        if name not in record and hasattr(row, name):
            record[name] = getattr(row, name)
    return record


def csv_answer(name: str, columns: Sequence[str], rows: Iterable[Any]) -> Response:
    """Return rows as a CSV file, sent while they are read."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(
        _csv_lines(columns, rows), media_type="text/csv; charset=utf-8", headers=headers
    )


def _csv_lines(columns: Sequence[str], rows: Iterable[Any]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        cells = row if isinstance(row, (list, tuple)) else [getattr(row, name) for name in columns]
        writer.writerow([_cell(cell) for cell in cells])
        if buffer.tell() > 65536:  # noqa: PLR2004 - a block of the network
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (dict, list)):
        return words.to_json(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def make_environment() -> jinja2.Environment:
    """Return the templates with their filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        # All of it, whatever a file is called: what is shown was written by others.
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= _FILTERS
    environment.globals |= {
        "charts": charts,
        "kind_of": kind_of,
        "asset": asset,
        "number_of": words.number,
        "money_of": words.money,
        "version": version(),
    }
    return environment


def kind_of(state: str) -> str:
    """Return which icon and colour a state has."""
    return STATES.get(state, "other")


def asset(name: str) -> str:
    """Return the path of a static file, with its content's mark so that it may be kept for ever."""
    return f"/static/{name}?v={_mark(name)}"


_marks: dict[str, str] = {}


def _mark(name: str) -> str:
    if name not in _marks:
        content = (HERE / "static" / name).read_bytes()
        _marks[name] = hashlib.sha256(content).hexdigest()[:10]
    return _marks[name]


_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "shown": words.shown,
    "cut": words.cut,
    "first_line": words.first_line,
    "number": words.number,
    "plural": plural,
    "money": words.money,
    "share": words.share,
    "change": words.change,
    "duration": words.duration,
    "size": words.size,
    "iso": iso,
    "as_json": words.to_json,
    "day_words": words.day_words,
    "with_query": words.with_query,
}
