"""Who may look: hosts, logins, and what browsers are told to refuse.

Log text is the attacker's: the headers let a page load nothing but its own files and run no
script that stands in it. A name that points to this machine (DNS rebinding) and a form on another
site (cross-site request) get nothing. Runs on the event loop; asks no database.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "runlog_session"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
ROOT: Final = "runlog.root_path"
"""Where a request's scope tells under which path the dashboard is mounted."""
_FOR_EVER: Final = "private, max-age=31536000, immutable"
_KEPT: Final = (200, 304)
"""What a browser may keep; the answer that it still holds says so again, or is no longer kept."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN: Final = ("/healthz", "/login", "/static/")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may look at a dashboard.

    Attributes:
        token: what one has to know; None: nobody is asked.
        user_header: the header in which a proxy in front tells who has logged in with it; a
            request without it is refused. None: there is no such proxy.
        hosts: names by which the dashboard may be called, besides addresses and ``localhost``;
            None: any, because an application around it checks them.
    """

    token: str | None = field(default=None, repr=False)
    user_header: str | None = None
    hosts: frozenset[str] | None = frozenset()

    def session(self) -> str:
        """Return what the cookie of who knows the token holds: a proof, never the token."""
        key = (self.token or "").encode(errors="surrogatepass")
        return hmac.new(key, b"runlog dashboard session", hashlib.sha256).hexdigest()

    def knows(self, given: str) -> bool:
        """Whether ``given`` is the token; takes equally long for every wrong one."""
        return self.token is not None and hmac.compare_digest(
            hashlib.sha256(given.encode(errors="surrogatepass")).digest(),
            hashlib.sha256(self.token.encode(errors="surrogatepass")).digest(),
        )

    def allows_host(self, host: str) -> bool:
        """Whether the dashboard may be called by this name."""
        if self.hosts is None:
            return True
        name = _name_of(host)
        return name == "localhost" or name in self.hosts or _is_address(name)


def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """The ASGI application around the dashboard that lets requests in, and dresses answers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _path_of(scope)
        # A mount within, as of the static files, is no place for pages.
        scope[ROOT] = scope.get("root_path", "")

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if path.startswith("/static/") and message["status"] in _KEPT:
                    headers["Cache-Control"] = _FOR_EVER
            await send(message)

        refusal = self._refusal(scope, path)
        await (refusal or self._app)(scope, receive, dressed)

    def _refusal(self, scope: Scope, path: str) -> ASGIApp | None:
        headers, access = Headers(scope=scope), self._access
        if not access.allows_host(headers.get("host", "")):
            told = f"this dashboard is not called {headers.get('host', '')[:200]!r}"
            return PlainTextResponse(f"{told}; start it with --allow-host NAME\n", 400)
        if scope["method"] not in _SAFE and not _is_own_form(headers):
            return PlainTextResponse("this form was sent from another site\n", 403)
        if path.startswith(_OPEN):
            return None
        if access.user_header and not headers.get(access.user_header):
            return PlainTextResponse("the proxy in front told no user\n", 403)
        if access.token is not None and not self._is_known(headers):
            return _ask_to_log_in(scope, path, headers)
        return None

    def _is_known(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._access.knows(given.strip())
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        return hmac.compare_digest(
            cookie.encode(errors="surrogateescape"), self._access.session().encode()
        )


def _path_of(scope: Scope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(root) :] if root and path.startswith(root) else path


def _is_own_form(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        # No browser sends a form without one of the two; a program that knows the token may.
        return "cookie" not in headers
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _ask_to_log_in(scope: Scope, path: str, headers: Headers) -> ASGIApp:
    if path.endswith((".json", ".csv")) or "text/html" not in headers.get("accept", ""):
        told = "send the token: Authorization: Bearer TOKEN\n"
        return PlainTextResponse(told, 401, headers={"WWW-Authenticate": "Bearer"})
    if headers.get("sec-fetch-site") == "cross-site" and headers.get("cookie") is None:
        # A strict cookie is not sent when a link elsewhere was followed. Asked again from here,
        # it is.
        return HTMLResponse(
            '<!doctype html><html lang="en"><title>runlog</title>'
            '<meta http-equiv="refresh" content="0"><p>One moment …</p></html>'
        )
    root = str(scope.get("root_path", "")).rstrip("/")
    query = scope["query_string"].decode("latin-1")
    wanted = path + (f"?{query}" if query else "")
    return RedirectResponse(f"{root}/login?next={quote(wanted, safe='')}", 303)


def safe_next(path: str) -> str:
    """Return ``path`` if it is one of this site, else the first page."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\"))
    has_odd = any(ord(letter) <= 0x20 or letter == "\\" for letter in path)  # noqa: PLR2004 - space and controls
    return path if is_own and not has_odd else "/"
