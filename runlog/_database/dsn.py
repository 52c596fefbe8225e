"""Database addresses: what libpq is given, what people may see of one, which folder is its own.

Pure text; nothing here connects. How an address is read is the subject of ``address``. libpq has
the last word: what it can read is left as it is, but for parameters of other drivers behind the
``?``. Runs on any thread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from runlog._database import address
from runlog._process.distribution import pip_line
from runlog._process.fork import without_fork
from runlog._settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "[redacted]"

_ALIEN = frozenset({"keepalive", "query_timeout", "socket_timeout", "ssl", "sslaccept"})
"""Parameters of other drivers that look like typing errors of libpq's own."""

_LIKE = 0.75
"""How like one of libpq's names a name must be to count as a typing error: "hots" is 0.75."""

_CUTS = re.compile(r"[@#/?:%&=\s'\"\\]+")

_SHOWN_MIN = 3
"""Letters; hiding one or two would garble every message."""


def is_address(dsn: str) -> bool:
    """Tell whether ``dsn`` can be read at all; nothing waits for what cannot."""
    return dsn == EMBEDDED or address.read(dsn) is not None


def no_database() -> str:
    """Return what is told where no address is named at all."""
    return (
        "no database is named; set RUNLOG_DSN or DATABASE_URL, pass dsn=, set PGHOST and friends, "
        f"or install the embedded one: {pip_line('embedded')}"
    )


def not_understood(dsn: str) -> str:
    """Return what is told of a text that is no address; only its scheme is repeated."""
    scheme = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]{1,20})://", dsn)
    kind = scheme[1].lower() if scheme else ""
    if kind in {"http", "https"}:
        advice = (
            f"{kind}:// is the address of a web page or an API; the database has one of its own "
            '(Supabase: "Connect", connection string), which begins with postgresql://'
        )
    elif kind and not kind.startswith("postgres"):
        advice = f"runlog writes to PostgreSQL, and {kind}: names something else"
    else:
        advice = (
            "write postgresql://USER:PASSWORD@HOST/NAME, with the special characters of the "
            "password percent-encoded"
        )
    return f"the database address is not understood; {advice}"


def unknown_parameter(name: str) -> str:
    """Return what is told of a parameter that libpq does not know."""
    close = _alike(name.lower(), _known())
    hint = f"did you mean {close[0]!r}?" if close else "take it out"
    return f"the database address has a parameter {name!r}, which PostgreSQL does not know; {hint}"


def for_libpq(dsn: str) -> str:
    """Return ``dsn`` as libpq takes it.

    Drops SQLAlchemy's driver suffix and the parameters of other drivers, turns ``ssl=true`` and
    node's ``sslmode=no-verify`` into ``sslmode=require``, and escapes what stands unescaped in a
    password (``#``, ``@``, ``/``, ``?``, ``%``) where libpq would not find the host.
    """
    parts = address.split_url(dsn)
    if parts is None:
        return dsn
    userinfo, front, query = parts
    user = f"{userinfo if _is_plain(userinfo) else _escaped(userinfo)}@" if userinfo else ""
    if not user and "/" not in front and "@" in query:
        # Before the first / libpq would take what precedes the @ for the user.
        front += "/"
    return f"postgresql://{user}{front}{_known_parameters(query)}"


def _is_plain(userinfo: str) -> bool:
    # libpq drops spaces at the ends, and takes no other.
    part = r"\s*(?:[^@/\s%]|%(?!00)[0-9A-Fa-f]{2})*\s*"
    return re.fullmatch(f"{part}(?::{part})?", userinfo) is not None


def _escaped(userinfo: str) -> str:
    from urllib.parse import quote, unquote

    user, colon, password = userinfo.partition(":")
    return f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}"


def _known_parameters(query: str) -> str:
    kept = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if (name == "ssl" and value.lower() in {"true", "1", "require"}) or (
            name == "sslmode" and value == "no-verify"
        ):
            kept.append("sslmode=require")
        elif _is_for_libpq(name):
            # libpq takes one = a pair, people paste options=-c work_mem=4MB.
            kept.append(f"{name}={value.strip().replace('=', '%3D').replace(' ', '%20')}")
    return f"?{'&'.join(kept)}" if kept else ""


def _is_for_libpq(name: str) -> bool:
    """Tell whether libpq knows this parameter, or it is a typing error, which must be heard of."""
    known = _known()
    if name in known or name.lower() in known:
        return True
    is_camel = name != name.lower()
    if is_camel or name in _ALIEN:
        return False
    return bool(_alike(name, known, cutoff=_LIKE))


def _alike(name: str, known: list[str], cutoff: float = 0.6) -> list[str]:
    with without_fork():
        import difflib
    return difflib.get_close_matches(name, known, n=1, cutoff=cutoff)


def _known() -> list[str]:
    from psycopg.pq import Conninfo

    return [option.keyword.decode() for option in Conninfo.get_defaults()]


class Place(NamedTuple):
    """Where an address leads, as far as people may see it."""

    host: str
    port: str
    dbname: str


def place(dsn: str, environ: Mapping[str, str]) -> Place:
    """Return host, port and database of ``dsn`` with what libpq adds to them; no secrets."""
    words = address.read(dsn)
    if words is None:
        return Place("an address that is not understood", "", "")
    known = address.resolve(words, environ)
    host = known.get("host") or known.get("hostaddr") or known.get("service") or "local"
    dbname = known.get("dbname") or "default"
    if "@" in dbname:
        # Then what libpq takes for host and port may be pieces of a password with a / in it.
        return Place("a database with an @ in its name", "", "")
    return Place(host, known["port"], dbname)


def password_of(dsn: str) -> str:
    """Return the password that stands in ``dsn``, empty when there is none."""
    return (address.read(dsn) or {}).get("password", "")


def folder_name(dsn: str, schema: str, environ: Mapping[str, str]) -> str:
    """Return the name of the spool's folder for this database; never holds a user or a password."""
    where = "embedded" if dsn == EMBEDDED else "-".join(place(dsn, environ))
    return f"{_readable(f'{where}-{schema}')}-{fingerprint(dsn, schema, environ)}"


def former_folder_name(dsn: str, schema: str, environ: Mapping[str, str]) -> tuple[str, bool]:
    """Return the folder's name up to 0.1.0, and whether no other database can have had it.

    Those names left out the user and options, by which a pooler for many tells databases apart.
    """
    import zlib

    words = address.resolve(address.read(dsn) or {}, environ)
    if dsn == EMBEDDED:
        where, is_certain = "embedded", not environ.get("RUNLOG_EMBEDDED_DIR")
    else:
        known = place(dsn, environ)
        bare = known.dbname if known.dbname != "default" else words["user"]
        dbname = bare if (address.read(dsn) or {}).get("user") else known.dbname
        host = f"[{known.host}]" if ":" in known.host and address.URL.match(dsn) else known.host
        where = f"{host}-{known.port}-{dbname}"
        is_certain = not any(
            ["." in words["user"], "@" in words["user"], "," in known.host]
            + [name in words for name in ("hostaddr", "options", "service")]
        )
    checksum = zlib.crc32(f"{where}/{schema}".encode("utf-8", "backslashreplace"))
    return f"{_readable(f'{where}-{schema}')}-{checksum:08x}", is_certain


def fingerprint(dsn: str, schema: str, environ: Mapping[str, str]) -> str:
    """Return 16 digits for the tables that ``dsn`` leads to: the same digits, the same tables.

    Everything counts that decides where one arrives: host, port, database, user (which names the
    database behind some poolers), options, the service's file, libpq's variables. Two ways to write
    one database may differ; two databases never agree. For folders, and to hand down with a run.
    """
    if dsn == EMBEDDED:
        from runlog import embedded

        known: str | None = f"{EMBEDDED}{embedded.default_data_dir()}"
    else:
        known = address.identity(dsn, environ)
    return address.fingerprint(f"{known}\nschema={schema}")


def _readable(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:80]


def is_local(host: str) -> bool:
    """Tell whether ``host`` is a socket folder or this machine."""
    return (
        not host or host[0] in "/@" or host in {"local", "localhost", "127.0.0.1", "::1", "[::1]"}
    )


def shown(dsn: str, environ: Mapping[str, str]) -> str:
    """Return host, port and database of ``dsn`` in one word that people may read."""
    if dsn == EMBEDDED:
        return "the embedded PostgreSQL"
    known = place(dsn, environ)
    return f"{known.host}:{known.port}/{known.dbname}" if known.port else known.host


def without_password(text: str, dsn: str, environ: Mapping[str, str]) -> str:
    """Return ``text`` with the password of ``dsn``, and what libpq quotes of it, hidden."""
    for piece in sorted(_secret_pieces(dsn, environ), key=len, reverse=True):
        if len(piece) >= _SHOWN_MIN:
            text = text.replace(piece, HIDDEN)
    return re.sub(r"(?i)(://[^:/\s@]*:)(?!PASSWORD@)[^\s]*@", rf"\1{HIDDEN}@", text)


def _secret_pieces(dsn: str, environ: Mapping[str, str]) -> set[str]:
    """Return the password as it is and as it is written, and where libpq may cut it in two."""
    from urllib.parse import quote

    whole = {environ.get("PGPASSWORD", ""), password_of(dsn), _written_password(dsn)}
    whole |= {quote(each, safe="") for each in whole}
    pieces = whole.union(*(_CUTS.split(each) for each in whole))
    return pieces - set(place(dsn, environ))


def _written_password(dsn: str) -> str:
    """Return what stands where a password would, also in an address that is none."""
    if parts := address.split_url(dsn):
        return parts[0].partition(":")[2]
    if address.read(dsn) is not None:
        return ""
    # Nobody knows where it is: whatever is not the scheme may be it.
    return re.sub(r"\A\s*[A-Za-z][\w+.-]*://", "", dsn)
