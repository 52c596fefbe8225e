"""Logging in and out, and how one wants to see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse

from runlog.dashboard._access import COOKIE, Access, safe_next
from runlog.dashboard._site import page, root_of
from runlog.dashboard._viewer import THEMES, find_zone

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_YEAR = 365 * 24 * 3600
_SLOW_SECONDS = 0.5
_LONGEST_FORM = 10_000


async def login(request: Request) -> Response:
    """Answer ``/login``: a form, and what it sends."""
    access: Access = request.app.state.access
    wanted = safe_next(request.query_params.get("next", "/"))
    if request.method != "POST":
        return page(request, "login.html", wanted=wanted, is_wrong=False)
    if not access.knows(await _sent(request, "token")):
        # Guessing is to take long.
        await asyncio.sleep(_SLOW_SECONDS)
        return page(request, "login.html", status=401, wanted=wanted, is_wrong=True)
    answer = RedirectResponse(f"{root_of(request)}{wanted}", 303)
    answer.set_cookie(
        COOKIE,
        access.session(),
        max_age=_YEAR,
        path=root_of(request) or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def _sent(request: Request, name: str) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return ""
    return parse_qs(body.decode(errors="replace")).get(name, [""])[0]


def logout(request: Request) -> Response:
    """Answer ``/logout``."""
    answer = RedirectResponse(f"{root_of(request)}/login", 303)
    answer.delete_cookie(COOKIE, path=root_of(request) or "/")
    return answer


def preferences(request: Request) -> Response:
    """Answer ``/preferences``: keep time zone, colours and keys in cookies, and go back."""
    asked, root = request.query_params, root_of(request)
    back = safe_next(asked.get("next", "/"))
    answer = RedirectResponse(back if back.startswith(f"{root}/") else f"{root}/", 303)
    wishes = {
        "runlog_tz": asked.get("tz", "") if find_zone(asked.get("tz", "")) else "",
        "runlog_theme": asked.get("theme", "") if asked.get("theme") in THEMES else "",
        "runlog_keys": "off" if asked.get("keys") == "off" else "on",
    }
    for name, value in wishes.items():
        if value:
            answer.set_cookie(name, value, max_age=_YEAR, path=root or "/", samesite="lax")
    return answer
