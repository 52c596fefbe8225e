"""Database addresses: which one is meant, what libpq understands, what may be shown, which folder.

Pure text; nothing here connects or imports psycopg. libpq has the last word on an address: what is
parsed here only serves to translate what people paste, to name the spool's folder and to hide
passwords. Runs on the caller's thread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runlog._settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "[redacted]"

# Put there for other drivers (Prisma, node, SQLAlchemy); libpq refuses the whole URL for one.
_ALIEN = frozenset(
    {"pgbouncer", "connection_limit", "pool_timeout", "pool_size", "max_overflow", "schema", "supa",
     "statement_cache_size", "prepared_statements", "prepare_threshold", "socket_timeout", "ssl",
     "sslaccept", "workaround", "pool_mode"}
)  # fmt: skip

_URL = re.compile(r"(?is)\A(postgres(?:ql)?)(?:\+[a-z0-9_]+)?://(.*)\Z")

_WORD = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)")

_AFTER_PASSWORD = re.compile(r"(?is)\bpassword\s*=\s*(.*?)(?=\s+\w+\s*=|\Z)")

_CUTS = re.compile(r"[@#/?:%&=\s'\"\\]+")


def for_libpq(dsn: str) -> str:
    """Return ``dsn`` as libpq takes it.

    Drops SQLAlchemy's driver suffix and the parameters of other drivers, turns ``ssl=true`` and
    node's ``sslmode=no-verify`` into ``sslmode=require``, and escapes what stands unescaped in a
    password (``#``, ``@``, ``/``, ``?``).
    """
    found = _URL.match(dsn)
    if not found:
        return dsn
    userinfo, rest = _split_userinfo(found[2])
    path, _, query = rest.partition("?")
    return f"postgresql://{_escaped(userinfo)}{path}{_known_parameters(query)}"


def _split_userinfo(text: str) -> tuple[str, str]:
    # The last @ ends the user part: a password may hold one unescaped, a host cannot.
    before_query = text.rpartition("?")[0] if text.rpartition("@")[2].count("?") else text
    head, at, _ = before_query.rpartition("@")
    return (head, text[len(head) + 1 :]) if at else ("", text)


def _escaped(userinfo: str) -> str:
    if not userinfo:
        return ""
    from urllib.parse import quote, unquote

    user, colon, password = userinfo.partition(":")
    return f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}@"


def _known_parameters(query: str) -> str:
    kept = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if (name == "ssl" and value.lower() in {"true", "1", "require"}) or (
            name == "sslmode" and value == "no-verify"
        ):
            kept.append("sslmode=require")
        elif name not in _ALIEN:
            kept.append(pair)
    return f"?{'&'.join(kept)}" if kept else ""


def parts(dsn: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return host, port, dbname, user and password as far as the text tells, else defaults."""
    found = {**_from_url(dsn), **({} if _URL.match(dsn) else _from_words(dsn))}
    return {
        "host": found.get("host") or environ.get("PGHOST") or environ.get("PGSERVICE") or "local",
        "port": found.get("port") or environ.get("PGPORT") or "5432",
        "dbname": found.get("dbname")
        or environ.get("PGDATABASE")
        or found.get("user")
        or "default",
        "user": found.get("user") or environ.get("PGUSER") or "",
        "password": found.get("password") or environ.get("PGPASSWORD") or "",
    }


def _from_url(dsn: str) -> dict[str, str]:
    from urllib.parse import unquote

    found = _URL.match(dsn)
    if not found:
        return {}
    userinfo, rest = _split_userinfo(found[2])
    user, _, password = userinfo.partition(":")
    address, _, query = rest.partition("?")
    place, _, dbname = address.partition("/")
    host, colon, port = place.rpartition(":")
    if not colon or "]" in port:
        host, port = place, ""
    words = {"host": host, "port": port, "dbname": dbname, "user": user, "password": password}
    words |= {k: v for k, _, v in (pair.partition("=") for pair in query.split("&")) if v}
    return {name: unquote(value) for name, value in words.items()}


def _from_words(dsn: str) -> dict[str, str]:
    words = {}
    for name, value in _WORD.findall(dsn):
        bare = value[1:-1] if value[:1] == "'" else value
        words[name] = re.sub(r"\\(.)", r"\1", bare)
    if "service" in words:
        words.setdefault("host", words["service"])
    return words


def folder_name(dsn: str, schema: str, environ: Mapping[str, str]) -> str:
    """Return the name of the spool's folder for this database; never holds a user or a password."""
    if dsn == EMBEDDED:
        place = "embedded"
    else:
        known = parts(dsn, environ)
        place = f"{known['host']}-{known['port']}-{known['dbname']}"
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{place}-{schema}").strip("._")[:80]
    return f"{readable}-{_fingerprint(f'{place}/{schema}')}"


def _fingerprint(text: str) -> str:
    import zlib

    return f"{zlib.crc32(text.encode('utf-8', 'backslashreplace')):08x}"


def is_local(host: str) -> bool:
    """Tell whether ``host`` is a socket folder or this machine."""
    return (
        not host or host[0] in "/@" or host in {"local", "localhost", "127.0.0.1", "::1", "[::1]"}
    )


def shown(dsn: str, environ: Mapping[str, str]) -> str:
    """Return host, port and database of ``dsn`` in one word that people may read."""
    if dsn == EMBEDDED:
        return "the embedded PostgreSQL"
    known = parts(dsn, environ)
    return f"{known['host']}:{known['port']}/{known['dbname']}"


def without_password(text: str, dsn: str, environ: Mapping[str, str]) -> str:
    """Return ``text`` with the password of ``dsn``, and what libpq quotes of it, hidden."""
    for piece in sorted(_secret_pieces(dsn, environ), key=len, reverse=True):
        if len(piece) > 2:  # noqa: PLR2004 - hiding one or two letters would garble every message
            text = text.replace(piece, HIDDEN)
    return re.sub(r"(?i)(://[^:/\s@]*:)[^\s]*@", rf"\1{HIDDEN}@", text)


def _secret_pieces(dsn: str, environ: Mapping[str, str]) -> set[str]:
    """Return the password as it is and as it is written, and where libpq may cut it in two."""
    from urllib.parse import quote

    password = parts(dsn, environ)["password"]
    whole = {password, quote(password, safe=""), _written_password(dsn)}
    return whole.union(*(_CUTS.split(each) for each in whole))


def _written_password(dsn: str) -> str:
    """Return what stands where a password would, also in an address that is none."""
    url = _URL.match(dsn)
    if url is None and (found := _AFTER_PASSWORD.search(dsn)):
        return found[1]
    return _split_userinfo(url[2] if url else dsn)[0].partition(":")[2]
