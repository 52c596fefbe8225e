"""``runlog doctor``: what is wrong is found, with its remedy and an exit code."""

import json
import secrets

import psycopg
import pytest
from kit.rows import add_run, ago
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runlog import embedded
from runlog._checks import database as _database_findings
from runlog._database import statements


@pytest.fixture
def findings(runlog):
    """Examine; returns the exit code and what is not in order, as check → finding."""

    def call(*options):
        said = runlog(*options, "doctor", "--json")
        assert said.err == "" or "password" in said.err
        bad = [it for it in json.loads(said.out) if it["state"] in {"warning", "problem"}]
        return said.code, {it["check"]: it for it in bad}

    return call


def test_all_is_well(runlog, findings):
    """In order, nothing is to do and the exit code is 0; people read one line a check."""
    assert findings() == (0, {})
    out = runlog("doctor", "--format", "table").out
    assert "connection" in out
    assert out.endswith("all is well\n")


def test_no_answer(findings, away):
    """A server that is away is a problem of the connection, exit code 3, no password."""
    code, found = findings("--dsn", away)
    assert (code, list(found)) == (3, ["connection"])
    assert "Connection refused" in found["connection"]["found"]
    assert "hush-hush" not in json.dumps(found)


def test_no_tables(findings, monkeypatch, empty_database):
    """A database without tables needs ``runlog migrate``, exit code 3."""
    monkeypatch.setenv("RUNLOG_DSN", empty_database)
    code, found = findings()
    assert code == 3
    assert 'run "runlog migrate"' in found["schema"]["remedy"]


def test_documented_tables_alone(findings, monkeypatch, empty_database):
    """Tables of another program work; that indexes are missing is a warning, exit code 1."""
    with psycopg.connect(empty_database) as connection:
        connection.execute(statements.migration_files()[0].sql)
    monkeypatch.setenv("RUNLOG_DSN", empty_database)
    code, found = findings()
    assert (code, list(found)) == (1, ["schema"])
    assert "recording works" in found["schema"]["found"]


def test_no_database_named(findings, monkeypatch):
    """Without any database the ways to name one are told, exit code 3."""
    monkeypatch.delenv("RUNLOG_DSN")
    monkeypatch.setattr(embedded, "is_installed", lambda: False)
    code, found = findings()
    assert (code, list(found)) == (3, ["address"])
    assert "set RUNLOG_DSN" in found["address"]["remedy"]


def test_variables_that_are_wrong(findings, monkeypatch):
    """Misspelt variables and unusable values are named; the rest is examined all the same."""
    monkeypatch.setenv("RUNLOG_FLUSH_INTERVALL", "1")
    monkeypatch.setenv("RUNLOG_LEVEL", "loud")
    monkeypatch.setenv("RUNLOG_ENABLED", "0")
    code, found = findings()
    assert (code, sorted(found)) == (1, ["enabled", "level", "variable"])
    assert found["variable"]["remedy"] == "did you mean RUNLOG_FLUSH_INTERVAL?"
    assert "RUNLOG_LEVEL='loud' cannot be used" in found["level"]["found"]


@pytest.fixture
def stranger(connection):
    """A role that may log in and read and insert runs, and its password."""
    name = sql.Identifier(f"stranger_{secrets.token_hex(4)}")
    connection.execute(sql.SQL("create role {} login password 'hush-hush'").format(name))
    connection.execute(sql.SQL("grant select, insert on runs to {}").format(name))
    connection.execute("alter table runs enable row level security")
    yield name.as_string().strip('"'), "hush-hush"
    connection.execute("alter table runs disable row level security")
    connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(name))


def test_a_role_that_may_not_record(findings, monkeypatch, database, stranger):
    """A role without rights, and row level security without policy, are told with the remedy."""
    user, password = stranger
    monkeypatch.setenv("RUNLOG_DSN", make_conninfo(database, user=user, password=password))
    code, found = findings()
    assert code == 1
    assert "it lacks insert on logs, update on runs" in found["rights"]["found"]
    assert "--writer-role NAME" in found["rights"]["remedy"]
    assert "no policy lets this role insert, select, update" in found["row security"]["found"]
    assert "hush-hush" not in json.dumps(found)


def test_tables_open_to_strangers(findings, connection):
    """Rights of everyone are told, and what closes them."""
    connection.execute("grant delete on logs to public")
    try:
        code, found = findings()
    finally:
        connection.execute("revoke delete on logs from public")
    assert (code, list(found)) == (1, ["open to others"])
    assert "every role may delete on public.logs" in found["open to others"]["found"]


def test_lost_runs(findings, connection):
    """Runs that are silent for too long are counted, and what closes them."""
    beat = {"heartbeat_at": ago(seconds=120).isoformat()}
    add_run(connection, status="running", runlog=beat)
    code, found = findings()
    assert (code, list(found)) == (1, ["lost runs"])
    assert found["lost runs"]["remedy"] == 'run "runlog reap"'


def test_what_waits_on_this_machine(findings, own_environment):
    """Spools of the dead are told with their number of entries, dead letters with their reason."""
    folder = own_environment / "elsewhere-5432-db-public-00000000"
    process = folder / "20260101T000000-1-abcdef"
    process.mkdir(parents=True)
    (process / "logs-000001.copy").write_bytes(b"one\ntwo\n")
    letter = {"at": "2026-01-01T00:00:00Z", "sqlstate": "23514", "reason": "check", "content": "x"}
    (folder / "dead-letters.jsonl").write_text(json.dumps(letter) + "\n")
    code, found = findings()
    assert (code, sorted(found)) == (1, ["dead letters", "waiting"])
    assert found["waiting"]["found"].startswith("2 entries, whose processes are gone")
    assert "naming that database" in found["waiting"]["remedy"]
    assert "1 entry was refused; the last: check" in found["dead letters"]["found"]


def test_a_clock_that_is_wrong(runlog, database, monkeypatch):
    """A difference of the clocks of more than two seconds is a warning."""
    finding = _database_findings.clock_finding(ago(seconds=5), ago(), ago())
    assert (finding.state, finding.check) == ("warning", "clock")
    assert "differs by 5.0" in finding.found
    assert _database_findings.clock_finding(ago(seconds=1), ago(), ago()).state == "ok"


def test_an_unencrypted_connection_elsewhere(database):
    """Without TLS to another machine it is a warning; on this machine it is in order."""
    with psycopg.connect(database) as connection:
        assert _database_findings.encryption_finding(connection).state == "ok"
        assert (
            _database_findings.encryption_finding(connection, "db.example.com").state == "warning"
        )


def test_the_embedded_server_that_was_never_started(findings, monkeypatch, tmp_path):
    """Where the embedded database is meant and not there yet, the command that makes it is told."""
    monkeypatch.setenv("RUNLOG_DSN", "embedded:")
    monkeypatch.setenv("RUNLOG_EMBEDDED_DIR", str(tmp_path / "pg"))
    code, found = findings()
    assert (code, list(found)) == (3, ["embedded server"])
    assert '"runlog demo"' in found["embedded server"]["remedy"]


def test_a_run_of_a_clock_that_was_ahead(runlog, connection):
    """Which run, which script and which machine; nothing is to do, and ``cursor show`` tells it too."""
    add_run(connection, sync_end_date=ago(hours=1))
    run = add_run(connection, started_at=ago(days=-3650), runlog={"host": "old-laptop"})
    notes = {it["check"]: it for it in json.loads(runlog("doctor", "--json").out)}
    note = notes["clocks of runs"]
    assert note["state"] == "note"
    assert f"run {run} of 'sync', on old-laptop" in note["found"]
    assert "began in the future" in note["found"]
    said = runlog("cursor", "show", "sync")
    assert said.code == 0
    assert f"run {run} of 'sync'" in said.err
    assert runlog("cursor", "show", "other").err.count("future") == 0


def test_a_cursor_in_the_future(runlog, connection):
    """It is told, with what mends it."""
    add_run(connection, sync_end_date=ago(days=-30))
    said = runlog("cursor", "show", "sync")
    assert "this is in the future" in said.err
    assert runlog("cursor", "set", "sync", "1d").code == 0
    assert runlog("cursor", "show", "sync").err == ""
