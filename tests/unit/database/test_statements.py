"""SQL files are found, quoted and counted without a database."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog._database import statements
from runlog.errors import RunlogError, SettingError

RELEASED = {
    1: "27955f78a53e6f17bd9dc561f7275a3b8854dcc044eac503eae771026f69bef8",
    2: "66db49ce25a18dd36e86990b735e448b93cc73aa9251570b9cfab34412964643",
    3: "8944fc354a57d02a3183fb5b2c9a5749edff42e950dbb36911ff42b58c78e8ac",
    4: "6582790a2f7d34ca1e06a933068a2660074463d119457d9e242071f6270856c4",
}
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def test_statement_puts_the_quoted_schema_into_the_file():
    """The schema's name stands quoted wherever the file has its token."""
    found = statements.statement("migrations/steps/newest", 'my "logs"')
    assert found.endswith(b'select max(version) from "my ""logs""".runlog_migrations;\n')


def test_statement_reads_a_file_once():
    """Asking twice gives the very same object, so the shipper may ask for each batch."""
    first = statements.statement("migrations/steps/newest", "public")
    assert statements.statement("migrations/steps/newest", "public") is first


def test_statement_names_a_missing_file():
    """A file that is not there is an error of the installation, with its name."""
    with pytest.raises(RunlogError, match="no SQL file 'delivery/nothing'; reinstall runlog-pg"):
        statements.statement("delivery/nothing", "public")


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ("", "schema is empty"),
        ("a\0b", r"schema 'a\\x00b' holds a character"),
        ("a\ud800", r"schema 'a\\ud800' holds a character"),
        ("ä" * 32, "longer than 63 bytes"),
    ],
)
def test_statement_rejects_a_schema_that_cannot_be(schema, complaint):
    """A name that PostgreSQL would refuse or cut is refused before it reaches a statement."""
    with pytest.raises(SettingError, match=complaint) as caught:
        statements.statement("migrations/steps/newest", schema)
    assert caught.value.name == "schema"


def is_possible(name):
    return len(name.encode()) <= 63 and not re.search(r"\$\w*\$", name)


@given(PLAIN.filter(is_possible))
def test_identifier_holds_no_placeholder_and_stays_inside_its_quotes(name):
    """The driver finds no placeholder in any name, and no name ends its own quotes."""
    quoted = statements.identifier(name, setting="schema")
    assert re.fullmatch(r'"([^"%]|"")+"|U&"([^"%\\]|""|\\\\|\\0025)+"', quoted)


@given(st.text())
def test_literal_stays_inside_its_quotes(value):
    """No value ends its own quotes, with or without backslashes in it."""
    assert re.fullmatch(r"'([^'\\]|'')*'| E'([^'\\%]|''|\\\\|\\x25)*'", statements.literal(value))


def test_fill_replaces_in_one_pass():
    """A value that looks like a token stays what it is, and an unknown token stays too."""
    filled = statements.fill(b"{schema} {role} {other} '{}'", schema="{role}", role="{schema}")
    assert filled == b"{role} {schema} {other} '{}'"


def test_migrations_are_numbered_without_a_gap():
    """The versions are 1, 2, 3 … in order, and the first is the documented one."""
    found = statements.migration_files()
    assert [migration.version for migration in found] == list(range(1, len(found) + 1))
    assert found[0].name == "create_logging_system"


def test_migrations_carry_the_checksum_of_their_file():
    """The checksum is the SHA-256 of the file, so that anyone can compute it."""
    for migration in statements.migration_files():
        path = statements.folder() / "migrations" / f"{migration.version:04}_{migration.name}.sql"
        assert migration.checksum == hashlib.sha256(path.read_bytes()).hexdigest()


def test_line_ends_of_a_checkout_do_not_change_the_checksum(tmp_path, monkeypatch):
    """A checkout with CRLF has the migrations that every other checkout has."""
    expected = statements.migration_files()
    copies = tmp_path / "migrations"
    copies.mkdir()
    for migration in expected:
        path = copies / f"{migration.version:04}_{migration.name}.sql"
        path.write_bytes(migration.sql.replace(b"\n", b"\r\n"))
    monkeypatch.setattr(statements, "folder", lambda: tmp_path)
    assert statements.migration_files.__wrapped__() == expected


def test_released_migrations_are_not_edited():
    """A file that databases have applied never changes; what changes comes as a further number."""
    found = {migration.version: migration.checksum for migration in statements.migration_files()}
    assert {version: found[version] for version in RELEASED} == RELEASED


def test_importing_needs_no_driver():
    """The module is on the write path's import, so it must not bring psycopg with it."""
    code = "import sys, runlog._database.statements; sys.exit('psycopg' in sys.modules)"
    root = Path(statements.__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


TRICKY = """-- a header; with a semicolon
select 1;
select ';', E'it\\';s', "a;b", 'it''s;';
/* ; */ do $body$ begin perform 1; execute $x$ select ';' $x$; end $body$;
-- nothing behind; but this
"""


def test_split_at_what_ends_a_statement():
    """A ";" in a comment, a name, a string or a body ends nothing, and nothing is lost."""
    pieces = statements.split(TRICKY.encode())
    assert [piece.splitlines()[-1][:12] for piece in pieces] == [
        b"select 1;",
        b"select ';', ",
        b"/* ; */ do $",
    ]
    assert b"\n".join(pieces) in TRICKY.encode()


@pytest.mark.parametrize("migration", statements.migration_files(), ids=lambda it: it.name)
def test_split_keeps_every_migration_whole(migration):
    """Put together again the pieces are the file; each holds its bodies from end to end."""
    pieces = statements.split(migration.sql)
    assert b"".join(b"".join(pieces).split()) == b"".join(migration.sql.split())
    assert all(piece.count(b"$runlog$") % 2 == 0 for piece in pieces)
