"""The search field: a run's number or id, a script's name, else a text in the logs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse

from runlog import queries
from runlog.dashboard import _words as words
from runlog.dashboard._filters import text_of
from runlog.dashboard._site import root_of, site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_NUMBER: Final = re.compile(r"#?(\d{1,18})")
# As much of an id as no number and no word has by chance.
_ID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{0,27}|[0-9a-fA-F]{12,32}")


def search(request: Request) -> Response:
    """Answer ``/search``: go to what was meant."""
    asked = text_of(request, "q") or ""
    return RedirectResponse(f"{root_of(request)}{_place_of(request, asked)}", 303)


def _place_of(request: Request, asked: str) -> str:
    if not asked:
        return "/logs"
    with site_of(request).database.page() as connection:
        if _ID.fullmatch(asked) and queries.runs_with_prefix(connection, prefix=asked, limit=1):
            return f"/runs/{asked}"
        if (number := _NUMBER.fullmatch(asked)) and queries.runs_with_number(
            connection, number=int(number[1])
        ):
            return f"/runs/{number[1]}"
        if queries.recent_runs(connection, script=asked, each=1):
            wild = not {"*", "?"}.isdisjoint(asked)
            path = "/runs" if wild else words.script_path(asked)
            return words.with_query(path, {"script": asked}) if wild else path
    return words.with_query("/logs", {"q": asked})
