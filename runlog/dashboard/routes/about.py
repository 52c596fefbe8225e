"""What the signs mean, which keys there are, and what this dashboard stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlog import queries
from runlog.dashboard._site import PAGES, page, site_of
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_STATES = (
    ("running", "It runs, and was heard of lately."),
    ("success", "It ended well."),
    ("partial", "It ended well, but some records failed."),
    ("error", "It ended with an error."),
    ("crashed", "Its process died without ending the run."),
    ("lost?", "It should run, but three of its signs of life are missing."),
)
_KEYS = (
    ("/", "search"),
    *((f"g {key}", f"go to {label}") for _, label, _, key in PAGES),
    ("j, k", "next and previous row"),
    ("Enter", "open the row"),
    ("[, ]", "previous and next run of the script"),
    ("n, N", "next and previous error in a log"),
    ("f", "follow a log that grows"),
    ("w", "wrap long lines"),
    ("t", "change between your time zone and UTC"),
    ("l", "copy the link to a line"),
    ("1 to 4", "all lines, INFO, WARNING, ERROR and above"),
    ("?", "this page"),
    ("Esc", "leave a field, close what is open"),
)


def about(request: Request) -> Response:
    """Answer ``/help``."""
    site = site_of(request)
    facts: list[tuple[str, str]] = []
    trouble = ""
    try:
        with site.database.page() as connection:
            info = connection.info
            major, minor = divmod(info.server_version, 10_000)
            facts = [
                ("PostgreSQL", f"{major}.{minor}"),
                ("Database", info.dbname),
                ("Role", info.user),
                ("Schema", site.database.schema),
            ]
            sizes = queries.table_sizes(connection)
            facts += [(f"Rows in {size.table_name}", _rows(size.rows_estimated)) for size in sizes]
    except RunlogError as error:
        trouble = str(error)
    return page(request, "help.html", states=_STATES, keys=_KEYS, facts=facts, trouble=trouble)


def _rows(estimated: int | None) -> str:
    return "not counted yet" if estimated is None else f"about {estimated:,}"
