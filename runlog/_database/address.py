"""What an address means, read as libpq reads it: its words, its variables, its service file.

Pure text, psycopg is not imported: the spool's folder bears the name of its database, and is made
by the first log call, on the caller's thread. A test compares with libpq itself. Not here: what
libpq is given, and what people may see (``dsn``).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

URL = re.compile(r"(?is)\A(?:jdbc:)?(?:postgres(?:ql)?|postgis|pgsql)(?:\+[a-z0-9_]+)?://(.*)\Z")

_HOST = r"(?:\[[\w:.%]+\]|[^\s@:/?#,\[\]\\'\"<>|^`{}&=]*)(?::\d*)?"

_REST = re.compile(rf"(?s)({_HOST}(?:,{_HOST})*)(?:/([^?]*))?(?:\?((?:[^&=@/?#\s]+=[^&]*|&)*))?\Z")
"""What follows the user part: hosts with numbers as ports, the database, pairs."""

_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")

_WORD = re.compile(r"\s*([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?!')(?:[^\s\\]|\\.)*)", re.DOTALL)

_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "options": "PGOPTIONS",
}

_DECIDE = ("host", "hostaddr", "port", "dbname", "user", "options", "service")
"""What decides where one arrives. A pooler for many databases tells them by the user's name
(Supavisor, Azure's gateway) or by an option (Neon); the password and the rest decide nothing."""


def split_url(dsn: str) -> tuple[str, str, str] | None:
    """Return the user part, what stands between it and the ``?``, and the query of a URL.

    libpq's own reading wherever it is one: the user part ends at the first ``@`` before any ``/``.
    Only where that leaves a host or a port that cannot be one, a later ``@`` is tried: passwords
    are pasted with all sorts of characters in them. None: this is no address.
    """
    found = URL.match(dsn)
    if found is None:
        return None
    text = found[1]
    for number, start in enumerate(_candidates(text)):
        rest = text[start:]
        match = _REST.match(rest)
        # Only libpq's own reading may leave out the host.
        is_named = 0 in {number, start} or (match and match[1])
        if match and is_named and not _PERCENT.search(rest):
            front = rest.partition("?")[0]
            return text[: max(0, start - 1)], front, match[3] or ""
    return None


def _candidates(text: str) -> Iterator[int]:
    signs = [match.end() for match in re.finditer("@", text)]
    first = signs[0] if signs else len(text) + 1
    if "/" in text[:first] or not signs:
        yield 0
    yield from signs
    yield 0


def read(dsn: str) -> dict[str, str] | None:
    """Return the words of ``dsn`` as libpq reads them; None where it is no address at all."""
    return _from_url(dsn) if URL.match(dsn) else _from_words(dsn)


def _from_url(dsn: str) -> dict[str, str] | None:
    from urllib.parse import unquote

    parts = split_url(dsn)
    if parts is None:
        return None
    userinfo, front, query = parts
    user, _, password = userinfo.partition(":")
    authority, _, dbname = front.partition("/")
    places = [_host_and_port(place) for place in authority.split(",")]
    words = {
        "user": user,
        "password": password,
        "host": ",".join(host for host, _ in places),
        "port": ",".join(port for _, port in places),
        "dbname": dbname,
    }
    found = {name: unquote(value.strip()) for name, value in words.items() if value.strip()}
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return found | {unquote(name): unquote(value) for name, _, value in pairs}


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        return host, port.removeprefix(":")
    host, _, port = place.partition(":")
    return host, port


def _from_words(dsn: str) -> dict[str, str] | None:
    words, end = {}, 0
    while match := _WORD.match(dsn, end):
        name, value = match.groups()
        bare = value[1:-1] if value[:1] == "'" else value
        words[name] = re.sub(r"(?s)\\(.)", r"\1", bare)
        end = match.end()
    return None if dsn[end:].strip() else words


def resolve(words: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``words`` with what libpq adds: the service, its variables, its defaults."""
    found = dict(words)
    if service := found.get("service") or environ.get("PGSERVICE"):
        known = _service(service, found.get("servicefile"), environ)
        # Of a service that cannot be read at least the name is known.
        found = {**({"service": service} if known is None else known), **found}
        if known is not None:
            found.pop("service", None)
    for name, variable in _VARIABLES.items():
        if name not in found and (value := environ.get(variable)):
            found[name] = value
    if not found.get("port", "").strip(","):
        found["port"] = "5432"
    found["user"] = found.get("user") or _system_user()
    return found


def _service(name: str, file: str | None, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Return the words of a service; None if no file that can be read has it.

    https://www.postgresql.org/docs/current/libpq-pgservice.html
    """
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - a text, as libpq has it
    own = file or environ.get("PGSERVICEFILE") or f"{home}/.pg_service.conf"
    places = (
        [own, f"{environ['PGSYSCONFDIR']}/pg_service.conf"]
        if environ.get("PGSYSCONFDIR")
        else [own]
    )
    for place in places:
        found = _section(place, name)
        if found is not None:
            return found
    return None


def _section(place: str, name: str) -> dict[str, str] | None:
    try:
        with open(place, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - cheap
            lines = [line.strip() for line in file]
    except (OSError, ValueError):
        return None
    found: dict[str, str] | None = None
    for line in lines:
        if line.startswith("["):
            if found is not None:
                break
            found = {} if line.startswith(f"[{name}]") else None
        elif found is not None and "=" in line and not line.startswith("#"):
            word, _, value = line.partition("=")
            found.setdefault(word, value)
    return found


def _system_user() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        # Windows, or a user without a name: libpq finds none either, or by other ways.
        return ""


def identity(dsn: str, environ: Mapping[str, str]) -> str | None:
    """Return everything that decides which database ``dsn`` leads to; None for no address."""
    words = read(dsn)
    if words is None:
        return None
    known = resolve(words, environ)
    known["dbname"] = known.get("dbname") or known["user"]
    return "\n".join(f"{name}={known.get(name, '')}" for name in _DECIDE)


def fingerprint(text: str) -> str:
    """Return 16 digits that stand for ``text``, which holds no secret; FNV-1a imports nothing.

    http://www.isthe.com/chongo/tech/comp/fnv/
    """
    number = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogatepass"):
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return f"{number:016x}"
