"""Find the ``.sql`` files and put identifiers into them.

Here live: where ``sql/`` is (inside the wheel, or beside the package in a checkout), reading a
file once, quoting, and the list of migrations. Not here: connections; nothing in this module talks
to a database or imports psycopg. Runs on any thread; the first use of a name reads its file.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runlog.errors import RunlogError, SettingError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# PostgreSQL cuts longer names silently (NAMEDATALEN - 1), and two cut names can meet.
# https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
MAX_IDENTIFIER_BYTES = 63

_TOKEN = re.compile(rb"\{([a-z_]+)\}")
_COMMENT = re.compile(rb"^--.*\n", re.MULTILINE)
# Names come to stand inside of bodies that are quoted like that, where nothing else can end them.
_DOLLAR_QUOTE = re.compile(r"\$\w*\$")
# What may hold a ";" that ends nothing; a body's quote ends where the same one comes again.
_SEMICOLON = re.compile(
    rb"""--[^\n]*|/\*.*?\*/|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$).*?\1|(;)""",
    re.DOTALL,
)
_MIGRATION = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class Migration(NamedTuple):
    """One numbered file of ``sql/migrations``, with the SHA-256 of its text in hexadecimal."""

    version: int
    name: str
    sql: bytes
    checksum: str


@lru_cache(maxsize=512)
def statement(name: str, schema: str, *, is_cluster: bool = False) -> bytes:
    """Return the SQL of ``sql/<name>.sql`` for the tables in ``schema``.

    ``{schema}`` in the file becomes the quoted identifier, ``{schema_literal}`` the name as a
    string constant, and any other ``{name}`` the text of ``sql/parts/<name>.sql``.

    Args:
        name: the file's path below ``sql/`` without its ending, such as ``delivery/heartbeat``.
        schema: the schema's name as PostgreSQL spells it, unquoted.
        is_cluster: take the form of each part that distributed tables can do, where there is one.

    Raises:
        SettingError: no schema can have that name.
        RunlogError: there is no such file, so the installation is incomplete.
    """
    quoted = identifier(schema, setting="schema")
    parts = whole(text(name), is_cluster=is_cluster)
    return fill(parts, schema=quoted, schema_literal=literal(schema))


def whole(sql: bytes, *, is_cluster: bool = False) -> bytes:
    """Put in ``sql/parts/<name>.sql`` where ``{name}`` stands, and its parts into it.

    With ``is_cluster`` the one of ``sql/parts/cluster`` goes first.
    """
    places = [folder() / "parts"]
    if is_cluster:
        places.insert(0, places[0] / "cluster")

    def part(match: re.Match[bytes]) -> bytes:
        for place in places:
            path = place / f"{match[1].decode()}.sql"
            if path.is_file():
                return whole(_COMMENT.sub(b"", _read(path)).strip(), is_cluster=is_cluster)
        return match[0]

    return _TOKEN.sub(part, sql)


@lru_cache(maxsize=1)
def migration_files() -> tuple[Migration, ...]:
    """Return the migrations in the order in which they apply."""
    found = (
        (path, _MIGRATION.fullmatch(path.name)) for path in (folder() / "migrations").iterdir()
    )
    return tuple(
        sorted(
            (_migration(path, int(match[1]), match[2]) for path, match in found if match),
            key=lambda migration: migration.version,
        )
    )


def _migration(path: Traversable, version: int, name: str) -> Migration:
    from hashlib import sha256

    sql = _read(path)
    return Migration(version, name, sql, sha256(sql).hexdigest())


@lru_cache(maxsize=1)
@cache
def folder() -> Traversable:
    """Return the folder that holds the SQL: ``runlog/sql`` in a wheel, ``sql`` in a checkout.

    Asked of the import system, so that a zip file and a frozen program have it too.

    Raises:
        RunlogError: there is neither.
    """
    from importlib.resources import files

    package = files("runlog")
    for candidate in (package / "sql", Path(__file__).resolve().parents[2] / "sql"):
        if (candidate / "migrations").is_dir():
            return candidate
    raise RunlogError(
        f"the SQL files of runlog are missing beside {str(package)!r}; reinstall runlog-pg"
    )


@lru_cache(maxsize=512)
def text(name: str) -> bytes:
    """Return ``sql/<name>.sql`` as it is written, tokens and all.

    Raises:
        RunlogError: there is no such file.
    """
    try:
        return _read(folder().joinpath(*f"{name}.sql".split("/")))
    except FileNotFoundError:
        raise RunlogError(f"there is no SQL file {name!r}; reinstall runlog-pg") from None


def fill(sql: bytes, **values: str) -> bytes:
    """Replace each ``{token}`` of ``sql`` that ``values`` names, in one pass.

    One pass, so that a value which looks like a token stays what it is. The values must be SQL
    already: see ``identifier`` and ``literal``.
    """

    def value(match: re.Match[bytes]) -> bytes:
        found = values.get(match[1].decode())
        return match[0] if found is None else found.encode()

    return _TOKEN.sub(value, sql)


def split(sql: bytes) -> list[bytes]:
    """Return the statements of ``sql``, each with the comments before it.

    A text of several is one command to PostgreSQL; Citus cannot send it on to the nodes.
    """
    ends = [match.end() for match in _SEMICOLON.finditer(sql) if match[2]]
    pieces = [sql[start:end] for start, end in zip([0, *ends], [*ends, len(sql)], strict=True)]
    return [piece.strip() for piece in pieces if _SEMICOLON.sub(b"", piece).strip()]


def identifier(name: str, *, setting: str) -> str:
    """Quote ``name`` so that PostgreSQL reads exactly this identifier.

    Args:
        name: the identifier, unquoted.
        setting: which setting it came from, for the error.

    Raises:
        SettingError: PostgreSQL cannot have such a name.
    """
    if not name:
        raise SettingError(f"{setting} is empty; give a name, such as 'public'", name=setting)
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise SettingError(
            f"{setting} {name!r} holds a character that PostgreSQL cannot store; take it out",
            name=setting,
        )
    if len(name.encode()) > MAX_IDENTIFIER_BYTES:
        raise SettingError(
            f"{setting} {name!r} is longer than {MAX_IDENTIFIER_BYTES} bytes, which PostgreSQL"
            " would cut; take a shorter name",
            name=setting,
        )
    if found := _DOLLAR_QUOTE.search(name):
        raise SettingError(
            f"{setting} {name!r} holds {found[0]!r}, which would end the body of a function; take"
            " it out",
            name=setting,
        )
    quoted = name.replace('"', '""')
    if "%" not in name:
        return f'"{quoted}"'
    # psycopg takes a "%" for a placeholder when there are parameters and leaves "%%" as it is when
    # there are none; written as a Unicode escape the name means the same in both.
    return 'U&"' + quoted.replace("\\", "\\\\").replace("%", "\\0025") + '"'


def literal(value: str) -> str:
    """Quote ``value`` as a string constant that means the same everywhere.

    Whatever ``standard_conforming_strings`` says, and with and without parameters, where psycopg
    takes a "%" for a placeholder or leaves "%%" as it is.
    """
    quoted = value.replace("'", "''")
    if "\\" not in value and "%" not in value:
        return f"'{quoted}'"
    return " E'" + quoted.replace("\\", "\\\\").replace("%", "\\x25") + "'"


def _read(path: Traversable) -> bytes:
    # A checkout with CRLF line ends must have the checksum that every other one has.
    return path.read_bytes().replace(b"\r\n", b"\n")
