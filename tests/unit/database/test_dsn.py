"""Addresses: chosen in the documented order, translated for libpq, shown without secrets."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from runlog._database import dsn as _dsn
from runlog._settings import choose


@pytest.mark.parametrize(
    ("dsn", "environ", "chosen"),
    [
        ("postgresql://a/b", {"DATABASE_URL": "postgresql://c/d"}, "postgresql://a/b"),
        (None, {"DATABASE_URL": "postgresql://c/d", "PGHOST": "e"}, "postgresql://c/d"),
        ("  ", {"PGHOST": "e"}, ""),
        (None, {"PGSERVICE": "jobs"}, ""),
    ],
)
def test_which_database_is_meant(dsn, environ, chosen):
    """The argument, then DATABASE_URL, then libpq's variables."""
    assert choose(dsn, environ) == chosen


@pytest.mark.parametrize(("installed", "chosen"), [(True, "embedded:"), (False, None)])
def test_the_embedded_server_is_the_last_choice(monkeypatch, installed, chosen):
    """With nothing named the embedded server is used where its extra is installed."""
    monkeypatch.setattr("runlog.embedded.is_installed", lambda: installed)
    assert choose(None, {}) == chosen


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("postgres://u:p@h/d", {"host": "h", "user": "u", "password": "p", "dbname": "d"}),
        ("postgresql+psycopg://h/d", {"host": "h", "dbname": "d"}),
        ("postgresql+asyncpg://u@h:6543/d", {"host": "h", "port": "6543", "user": "u", "dbname": "d"}),
        ("postgres://h/d?pgbouncer=true&connection_limit=1", {"host": "h", "dbname": "d"}),
        ("postgres://h/d?sslmode=no-verify", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgres://h/d?ssl=true", {"host": "h", "dbname": "d", "sslmode": "require"}),
        ("postgres://h/d?sslmode=verify-full", {"host": "h", "dbname": "d", "sslmode": "verify-full"}),
        ("postgres://u:a@b#c/d?e@h/d", {"host": "h", "user": "u", "password": "a@b#c/d?e", "dbname": "d"}),
        ("postgres://u:50%25@h/d", {"host": "h", "user": "u", "password": "50%", "dbname": "d"}),
        ("postgres://u:p@[::1]:5433/d", {"host": "::1", "port": "5433", "user": "u", "password": "p", "dbname": "d"}),
        ("host=h dbname=d password='a b'", {"host": "h", "dbname": "d", "password": "a b"}),
    ],
)  # fmt: skip
def test_pasted_addresses_mean_what_people_mean(pasted, meant):
    """libpq reads the translated address as the person meant it."""
    assert conninfo_to_dict(_dsn.for_libpq(pasted)) == meant


def test_a_mistyped_parameter_is_not_dropped():
    """Only parameters of other drivers are dropped: a typing error must be heard of."""
    assert "sslmod=require" in _dsn.for_libpq("postgres://h/d?sslmod=require")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgres://u:s3cr3t-word@db.example.com:6543/jobs",
        "host=db.example.com port=6543 dbname=jobs user=u password=s3cr3t-word",
        "host=db.example.com port=6543 dbname=jobs password='s3cr3t-word'",
    ],
)
def test_nothing_that_is_shown_holds_the_password(dsn):
    """Folder names, messages and driver errors name the place and never the password."""
    folder = _dsn.folder_name(dsn, "public", {})
    assert folder.startswith("db.example.com-6543-jobs-public-")
    assert _dsn.shown(dsn, {}) == "db.example.com:6543/jobs"
    driver = f'connection to "{dsn}" failed, near s3cr3t-word'
    assert "s3cr3t-word" not in folder + _dsn.without_password(driver, dsn, {})


def test_each_database_and_schema_has_a_folder_of_its_own():
    """Two databases, or two schemas of one, never share a spool; users of one database do."""
    names = {
        _dsn.folder_name("postgres://h/d", "public", {}),
        _dsn.folder_name("postgres://h/e", "public", {}),
        _dsn.folder_name("postgres://h/d", "other", {}),
        _dsn.folder_name("postgres://h:5433/d", "public", {}),
        _dsn.folder_name("embedded:", "public", {}),
    }
    assert len(names) == 5
    assert _dsn.folder_name("postgres://a:b@h/d", "public", {}) in names
    assert _dsn.folder_name("host=h dbname=d", "public", {}) in names


@pytest.mark.parametrize(
    ("host", "local"),
    [("/run/postgresql", True), ("localhost", True), ("127.0.0.1", True), ("::1", True), ("", True),
     ("db.example.com", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_which_hosts_are_this_machine(host, local):
    """Only sockets and loopback may go without encryption unremarked."""
    assert _dsn.is_local(host) is local
