"""When the database is away, foreign, closed or slow: each page says what it is and what to do."""

import contextlib
import secrets

import psycopg
import pytest
from kit.rows import add_entry, add_run
from kit.schema_tools import DOCUMENTED, EARLIER, run, temporary_roles
from kit.waiting import eventually
from psycopg import sql
from psycopg.conninfo import make_conninfo
from starlette.testclient import TestClient
from web.conftest import PATHS

from runlog.dashboard import _database as asking
from runlog.dashboard import create_app

ODD_ROWS = """
insert into runs (script_name, status, started_at) values ('js-sync', 'success', null);
insert into runs (script_name, status, metadata) values ('js-sync', 'running', null);
insert into runs (script_name, status, metadata, finished_at)
  values ('js-sync', 'error', '[1]', now() - interval '1 h'), ('js sync/2', 'success', '"x"', null);
insert into logs (run_id, level, step, message, meta)
  select id, 'INFO', '', '', null from runs;
insert into logs (run_id, level, step, message, meta)
  select id, 'ERROR', 'ERROR', 'TypeError: x is not a function', '[1]' from runs;
"""


ODD_PATHS = [
    *(f"{path}?{name}=0001-01-01" for path in ("/logs", "/runs", "/errors") for name in ("at", "from", "to")),
    *(f"{path}?{name}=9999-12-31T23:59:59-12:00" for path in ("/logs", "/runs") for name in ("at", "from")),
    *("/scripts/%00", "/scripts?name=%00", "/errors/%00", "/runs/%00", "/logs?q=%00", "/search?q=%00"),
    *("/static/%00", "/static/../x", "/static/nope.js", "/runs/latest?script=%00"),
]  # fmt: skip


@pytest.fixture
def look():
    """Return a client of a dashboard over a database; its connections end with the test."""
    with contextlib.ExitStack() as stack:

        def looking(dsn):
            app = create_app(dsn)
            client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
            client.headers["accept"] = "text/html"
            return stack.enter_context(client)

        yield looking


def told_by(client, *words, status=503):
    """Every page, and its twin as data, answers with this status and these words."""
    for path in PATHS:
        answer = client.get(path)
        if path == "/help":
            assert answer.status_code == 200
        else:
            assert answer.status_code == status, path
        for word in words:
            assert word in answer.text, (path, answer.text)
        assert "Traceback" not in answer.text
        assert "hush" not in answer.text
    data = client.get("/runs.json")
    assert data.status_code == status
    assert data.json()["detail"]
    assert "hush" not in data.text
    return data.json()["detail"]


def test_no_tables(empty_database, look):
    """Without the tables each page names the command that makes them."""
    told_by(look(empty_database), "runlog migrate")


def test_a_schema_that_is_not_there(database, look, monkeypatch):
    """A schema without the tables is named."""
    monkeypatch.setenv("RUNLOG_SCHEMA", "nope")
    told_by(look(database), "nope", "runlog migrate")


def test_tables_that_are_too_old(empty_database, look):
    """Tables without one of the documented columns are told, and the remedy."""
    run(empty_database, DOCUMENTED)
    run(empty_database, "alter table runs drop column api_cost; alter table logs drop column meta")
    for path in ("/", "/runs", "/logs"):
        answer = look(empty_database).get(path)
        assert answer.status_code == 503
        assert "runlog migrate" in answer.text


def test_no_right_to_read(postgres, database, look):
    """A role that may not read is told what the owner can do."""
    role = f"stranger_{secrets.token_hex(4)}"
    with temporary_roles(postgres.dsn, role):
        name = sql.Identifier(role)
        with psycopg.connect(postgres.dsn, autocommit=True) as admin:
            admin.execute(sql.SQL("alter role {} login password 'hush'").format(name))
        dsn = make_conninfo(database, user=role, password="hush")
        client = look(dsn)
        told_by(client, "runlog migrate --reader-role")


def test_no_server(database, look):
    """A server that is away is told on every page, without the password."""
    client = look(make_conninfo(database, port=1, password="hush-hush"))
    told = told_by(client, "could not be reached")
    assert "hush" not in told
    assert "data-refresh" in client.get("/").text
    assert client.get("/healthz").status_code == 200


def test_no_database_is_named(monkeypatch, look):
    """Without any database the ways to name one are listed."""
    from runlog import embedded

    monkeypatch.setattr(embedded, "is_installed", lambda: False)
    told_by(look(None), "RUNLOG_DSN")


def test_a_database_that_comes_back(database, proxy, connection, look):
    """After an outage the next question finds it; the connections that died are not asked again."""
    add_run(connection, "sync")
    client = look(proxy.dsn(database))
    assert client.get("/runs").status_code == 200
    proxy.refuse()
    proxy.reset()
    proxy.refuse()
    eventually(lambda: _is(client, 503))
    assert "Since" in client.get("/runs").text
    proxy.forward()
    eventually(lambda: _is(client, 200))


def _is(client, status):
    assert client.get("/runs").status_code == status


def test_a_database_that_never_answers(database, proxy, monkeypatch, look):
    """A pooler that takes the question and is silent costs a page a bounded time, not a thread."""
    monkeypatch.setattr(asking, "_SILENCE_SECONDS", 0.3)
    client = look(make_conninfo(proxy.dsn(database), connect_timeout=2))
    assert client.get("/runs").status_code == 200
    proxy.hang()
    answer = client.get("/runs")
    assert answer.status_code == 503
    proxy.forward()
    eventually(lambda: _is(client, 200))


def test_a_question_that_takes_too_long(database, monkeypatch, look):
    """A statement that is ended for its length says to ask for less, and is no outage."""
    monkeypatch.setattr(asking, "DEADLINE_SECONDS", 0.05)
    client = look(database)
    with psycopg.connect(database) as other:
        other.execute("lock table runs in access exclusive mode")
        answer = client.get("/runs")
    assert answer.status_code == 503
    assert "taken too long" in answer.text
    assert "ask for less" in answer.text
    assert "Since" not in answer.text


def test_what_breaks_tells_its_place_to_the_server_only(database, monkeypatch, capfd, look):
    """A fault of the dashboard's own shows no trace to who looks; the server's output does."""
    from runlog import queries

    def broken(*_, **__):
        raise ValueError("secret hush")

    monkeypatch.setattr(queries, "last_runs", broken)
    answer = look(database).get("/runs")
    assert answer.status_code == 500
    assert "hush" not in answer.text
    assert "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "ValueError at '/runs'" in capfd.readouterr().err


@pytest.mark.parametrize(
    "tables",
    [DOCUMENTED, EARLIER, EARLIER.replace("timestamptz", "timestamp")],
    ids=["documented", "earlier", "without time zones"],
)
def test_tables_of_other_programs(empty_database, tables, look):
    """Tables that another program made and fills, as they are, have every page."""
    run(empty_database, tables)
    run(empty_database, ODD_ROWS)
    client = look(empty_database)
    for path in PATHS:
        assert client.get(path).status_code == 200, path
    found = client.get("/runs.json?period=all").json()["runs"]
    assert len(found) == 4
    for row in found:
        for path in (f"/runs/{row['id']}", f"/runs/{row['id']}/compare"):
            assert client.get(path).status_code == 200, path
        assert client.get(f"/runs/{row['id']}/lines/1").status_code == 200
    assert client.get("/scripts?name=js%20sync/2").status_code == 200
    assert client.get("/scripts/js-sync").status_code == 200
    assert "TypeError" in client.get("/errors?period=30d").text


@pytest.mark.parametrize("path", ODD_PATHS)
@pytest.mark.parametrize("ending", ["", ".json", ".csv"])
def test_what_nobody_can_mean_is_no_failure(look, database, path, ending):
    """The ends of the calendar and a NUL are an answer's matter, never the server's or the database's."""
    place, _, query = path.partition("?")
    answer = look(database).get(f"{place}{ending}?{query}", follow_redirects=False)
    assert answer.status_code < 500


def test_a_missing_file_is_a_page_of_this_dashboard(look, database):
    """Where a file is missing, the page that says so finds its own files and links."""
    page = look(database).get("/static/nope.js").text
    assert 'href="/static/style.css' in page
    assert "/static/static" not in page


@pytest.mark.parametrize("meta", ["[" * 3000 + "]" * 3000, "9" * 400, '{"n": 1e400}'])
def test_fields_that_few_programs_can_hold(client, connection, meta):
    """JSON that only PostgreSQL takes is shown or told, on every page that has it."""
    run_id = add_run(connection, "sync", status="error")
    entry_id = add_entry(connection, run_id, "deep", level="ERROR")
    connection.execute("update logs set meta = %s::jsonb where id = %s", (meta, entry_id))
    connection.execute("update runs set metadata = %s::jsonb", (meta,))
    for path in (f"/runs/{run_id}", f"/runs/{run_id}/lines/1", "/logs", "/errors"):
        assert client.get(path).status_code == 200, path
    for path in (f"/runs/{run_id}.json", "/logs.json", "/logs.csv", f"/runs/{run_id}.csv"):
        assert client.get(path).status_code == 200, path


def test_a_run_without_a_start_has_a_page(client, connection):
    """A row whose start is null is listed and has a page; nothing divides by it."""
    run_id = add_run(connection, "js")
    connection.execute("update runs set started_at = null, duration_ms = null")
    assert client.get(f"/runs/{run_id}").status_code == 200
    assert str(run_id) in client.get("/runs?period=all").text
    assert client.get("/").status_code == 200
