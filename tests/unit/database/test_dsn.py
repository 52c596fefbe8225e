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
        ("postgres://u:a/b@h/d", {"host": "h", "user": "u", "password": "a/b", "dbname": "d"}),
        ("postgres://u:50%@h/d?application_name=x@y", {"host": "h", "user": "u", "password": "50%", "dbname": "d", "application_name": "x@y"}),
        ("postgres://u:p@h/d?options=-c work_mem=4MB", {"host": "h", "user": "u", "password": "p", "dbname": "d", "options": "-c work_mem=4MB"}),
        ("jdbc:postgresql://h/d?user=u&password=p", {"host": "h", "user": "u", "password": "p", "dbname": "d"}),
        ("postgis://u:p@h/d", {"host": "h", "user": "u", "password": "p", "dbname": "d"}),
        ("postgres://?user=me@corp&host=h", {"host": "h", "user": "me@corp"}),
    ],
)  # fmt: skip
def test_pasted_addresses_mean_what_people_mean(pasted, meant):
    """libpq reads the translated address as the person meant it."""
    assert conninfo_to_dict(_dsn.for_libpq(pasted)) == meant


@pytest.mark.parametrize(
    "name", ["sslmod", "hots", "SSLMODE", "sslMode", "ssl_mode", "prot", "usr"]
)
def test_a_mistyped_parameter_is_not_dropped(name):
    """Only parameters of other drivers are dropped: a typing error must be heard of."""
    assert f"{name}=require" in _dsn.for_libpq(f"postgres://h/d?{name}=require")


@pytest.mark.parametrize(
    "query",
    ["serverVersion=16&charset=utf8", "encoding=unicode&pool=5", "uselibpqcompat=true",
     "statement_timeout=30000", "currentSchema=public&reWriteBatchedInserts=true", "pool_max_conns=10",
     "binary_parameters=yes", "prepared_statement_cache_size=0", "conn_max_age=600", "socket_timeout=5",
     "schema=public&connection_limit=1&pgbouncer=true", "keepalive=1&query_timeout=9&sslaccept=strict"],
)  # fmt: skip
def test_parameters_of_other_drivers_are_dropped(query):
    """A DATABASE_URL is shared with tools whose parameters libpq has never heard of."""
    assert conninfo_to_dict(_dsn.for_libpq(f"postgres://h/d?{query}")) == {
        "host": "h",
        "dbname": "d",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://abcdef.supabase.co", "begins with postgresql://"),
        ("mysql://u:s3cr3t-word@h/d", "mysql: names something else"),
        ("postgresql://u:s3cr3t-word", "percent-encoded"),
        ("postgresql://h/d?s3cr3t-word", "percent-encoded"),
        ("host=h s3cr3t-word", "percent-encoded"),
    ],
)
def test_what_is_no_address_is_told_so(text, words):
    """The remedy fits what was pasted, and repeats nothing of it; its own example stays whole."""
    assert not _dsn.is_address(text)
    told = _dsn.not_understood(text)
    assert words in told
    assert "s3cr3t" not in told + _dsn.shown(text, {})
    assert _dsn.without_password(told, text, {}) == told


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


def test_each_database_has_a_folder_of_its_own(tmp_path):
    """Whatever decides where one arrives is in the name: no two databases share a spool."""
    services = tmp_path / "services"
    services.write_text("[one]\nhost=h5\n[two]\nhost=h6\n")
    file = {"PGSERVICEFILE": str(services)}
    meant = [
        ("postgres://u@h/d", "public", {}),
        ("postgres://u@h/e", "public", {}),
        ("postgres://u@h/d", "other", {}),
        ("postgres://u@h:5433/d", "public", {}),
        ("postgres://u@h2/d", "public", {}),
        ("postgres://u.beta@h/d", "public", {}),
        ("postgres://h/d", "public", {"PGUSER": "u.gamma"}),
        ("postgres://h/d?user=u.delta", "public", {}),
        ("postgres://u@h/d?options=endpoint%3Da", "public", {}),
        ("postgres://u@h/d", "public", {"PGOPTIONS": "endpoint=b"}),
        ("postgres://u@h/d?hostaddr=10.0.0.1", "public", {}),
        ("postgres://u@h/d", "public", {"PGHOSTADDR": "10.0.0.2"}),
        ("postgres://u@/d", "public", {"PGHOST": "h3"}),
        ("postgres://u@h", "public", {"PGDATABASE": "f"}),
        ("postgres://u@h/d", "public", {"PGPORT": "5434"}),
        ("user=u dbname=d service=one", "public", file),
        ("user=u dbname=d", "public", {**file, "PGSERVICE": "two"}),
        ("user=u dbname=d service=three", "public", file),
        ("embedded:", "public", {}),
    ]
    names = {_dsn.folder_name(*each) for each in meant}
    assert len(names) == len(meant)
    same = [
        ("postgresql+psycopg://u:secret@h/d?sslmode=require", "public", {}),
        ("host=h dbname=d user=u password=x", "public", {"PGPASSWORD": "y"}),
        ("dbname=d user=u", "public", {"PGHOST": "h", "PGPORT": "5432"}),
    ]
    assert {_dsn.folder_name(*each) for each in same} == {_dsn.folder_name(*meant[0])}


def test_a_service_file_that_changes_names_another_database(tmp_path):
    """Not the service's name counts but where its file leads."""
    services = tmp_path / "services"
    environ = {"PGSERVICEFILE": str(services), "PGSERVICE": "jobs"}
    names = set()
    for host in ("one", "two"):
        services.write_text(f"# ours\n[other]\nhost=x\n[jobs]\nhost={host}\nuser=u\ndbname=d\n")
        names.add(_dsn.folder_name("", "public", environ))
        assert _dsn.shown("", environ) == f"{host}:5432/d"
    assert len(names) == 2


@pytest.mark.parametrize(
    ("dsn", "environ", "name"),
    [
        ("postgres://a:b@h/d", {}, ("h-5432-d-public-6491a321", True)),
        ("host=h dbname=d", {}, ("h-5432-d-public-6491a321", True)),
        ("embedded:", {}, ("embedded-public-", True)),
        ("embedded:", {"RUNLOG_EMBEDDED_DIR": "/x"}, ("embedded-public-", False)),
        ("postgres://postgres.alpha:b@h/d", {}, ("h-5432-d-public-6491a321", False)),
        ("postgres://a@h/d?options=endpoint%3Dx", {}, ("h-5432-d-public-6491a321", False)),
        ("postgres://a@h", {}, ("h-5432-a-public-", True)),
        ("", {"PGHOST": "h"}, ("h-5432-default-public-515e514b", True)),
        ("postgres://a:b@[::1]:5/d", {}, ("1_-5-d-public-830503fe", True)),
        ("host=/run/pg dbname=d user=x", {}, ("run_pg-5432-d-public-f7fa65f1", True)),
    ],
)
def test_the_folder_of_the_former_version(dsn, environ, name):
    """Its name is known, and whether another database can have had the same."""
    known, is_certain = _dsn.former_folder_name(dsn, "public", environ)
    assert known.startswith(name[0])
    assert is_certain is name[1]


@pytest.mark.parametrize(
    ("host", "local"),
    [("/run/postgresql", True), ("localhost", True), ("127.0.0.1", True), ("::1", True), ("", True),
     ("db.example.com", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_which_hosts_are_this_machine(host, local):
    """Only sockets and loopback may go without encryption unremarked."""
    assert _dsn.is_local(host) is local
