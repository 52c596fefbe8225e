"""How commands fail: one line with the remedy, an exit code, and never a password."""

import secrets
import subprocess
import sys

import psycopg
import pytest
from kit.rows import add_run
from psycopg.conninfo import make_conninfo

from runlog import migrate
from runlog.cli import _failures, entries

READING = [["runs"], ["show"], ["logs"], ["errors"], ["scripts"], ["stats"], ["batch"],
           ["prune", "--older-than", "1d"], ["tail"], ["flush"]]  # fmt: skip


@pytest.mark.parametrize("command", READING, ids=lambda it: it[0])
def test_a_database_that_is_away_is_exit_code_3(runlog, away, monkeypatch, command):
    """No answer is one line without a password, and exit code 3; what follows says that it tries."""
    monkeypatch.setattr(entries, "_FIRST_PAUSE_SECONDS", 0.0)
    said = runlog("--dsn", away, *command)
    assert (said.code, said.out) == (3, "")
    warning, *tries, error = said.err.splitlines()
    assert "a password on the command line" in warning
    assert tries == [f"{error}; trying again"] * (2 if command == ["tail"] else 0)
    assert error.startswith("runlog: the database could not be reached: ")
    assert "hush-hush" not in said.err


@pytest.mark.parametrize("command", READING, ids=lambda it: it[0])
def test_a_database_without_tables_is_exit_code_3(runlog, empty_database, monkeypatch, command):
    """Missing tables are one line with the command that makes them, and exit code 3."""
    monkeypatch.setenv("RUNLOG_DSN", empty_database)
    said = runlog(*command)
    assert (said.code, said.out) == (3, "")
    assert 'run "runlog migrate"' in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (["erors"], 'Did you mean "errors"?'),
        (["runs", "--since", "soon"], "no span such as 24h"),
        (["runs", "--status", "failed"], "'failed' is not one of"),
        (["runs", "-n", "0"], "0 is not in the range"),
        (["logs", "-f"], '"runlog tail" follows all of them'),
        (["logs", "last", "--script", "sync"], "for searching without a RUN"),
        (["logs", "last", "-f", "--until", "1h"], "--follow has no end"),
        (["runs", "--since", "6M"], '"6M" can be minutes or months; write 6min'),
        (["runs", "--since", "6 months"], "months and years differ in length"),
        (["prune", "--older-than", "6m"], '"6m" can be minutes or months; write 6min'),
        (["prune", "--older-than", "6M", "--dry-run"], '"6M" can be minutes or months'),
        (["logs", "--level", "loud"], "'loud' is no level; use one of DEBUG, INFO"),
        (["help", "nothing"], "there is no command 'nothing'"),
        (["tail", "--json"], "use --format jsonl"),
        (["spool", "retri"], "No such command 'retri'"),
    ],
)
def test_wrong_usage_is_exit_code_2(runlog, connection, command, hint):
    """What cannot be meant is told with what would do, and exit code 2."""
    add_run(connection)
    said = runlog(*command)
    assert (said.code, said.out) == (2, "")
    assert hint in said.err


def test_a_bad_setting_is_named(runlog, monkeypatch):
    """A variable that cannot be used stops a command, and is named."""
    monkeypatch.setenv("RUNLOG_CONNECT_TIMEOUT", "fast")
    said = runlog("runs")
    assert said.code == 2
    assert "RUNLOG_CONNECT_TIMEOUT='fast' cannot be used" in said.err


def test_debug_shows_where(runlog, away):
    """``--debug`` shows the traceback as well, and still no password."""
    said = runlog("--debug", "--dsn", away, "runs")
    assert said.code == 3
    assert "Traceback" in said.err
    assert "hush-hush" not in said.err


def test_an_error_cannot_harm_the_terminal(capsys):
    """Text of the server in an error is shown, not obeyed."""
    code = _failures.exit_code_of(_failures.NotFoundError("no \x1b[31mrun\x07"))
    assert code == 4
    assert capsys.readouterr().err == "runlog: no \\x1b[31mrun\\x07\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SystemExit(5), 5),
        (SystemExit(None), 0),
        (SystemExit("text"), 1),
        (KeyboardInterrupt(), 130),
        (psycopg.OperationalError("gone"), 3),
        (OSError("disk"), 1),
        (RuntimeError("bug"), 1),
    ],
)
def test_every_error_has_its_exit_code(error, code, capsys):
    """The exit codes are the documented ones, and what no one foresaw is 1 with a hint."""
    assert _failures.exit_code_of(error) == code
    said = capsys.readouterr().err
    if isinstance(error, RuntimeError):
        assert said == "runlog: this should not happen: RuntimeError: bug; --debug shows where\n"


def test_a_reader_that_has_seen_enough(shell_env, connection):
    """``runlog runs | head -1`` ends well and says nothing."""
    for _ in range(300):
        add_run(connection, "a-script-with-a-rather-long-name" * 20)
    command = f"{sys.executable} -m runlog runs -n 300 | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], env=shell_env, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"id\t")


@pytest.mark.parametrize(
    "command",
    [["cursor", "set", "sync", "1d"], ["prune", "--older-than", "1d"], ["close", "last"]],
    ids=lambda it: it[0],
)
def test_a_reader_who_wants_to_change_is_sent_to_the_owner(
    runlog, connection, database, monkeypatch, command
):
    """A reader's right would not help: the remedy is the owner of the tables."""
    add_run(connection, status="running")
    role = f"reader_{secrets.token_hex(4)}"
    connection.execute(f"create role {role} login password 'hush-hush'")
    migrate.migrate(database, reader_role=role)
    try:
        dsn = make_conninfo(database, user=role, password="hush-hush")
        monkeypatch.setenv("RUNLOG_DSN", dsn)
        said = runlog(*command)
    finally:
        connection.execute(f"drop owned by {role}; drop role {role}")
    assert said.code == 3
    assert "connect as the owner of the tables" in said.err
    assert "--reader-role" not in said.err
