"""No password in what anyone can see: errors, notices, tracebacks, process lists, rows, reports."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from kit.recording import QUICK, Recording
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import runlog
from runlog._database import dsn
from runlog._settings import resolve
from runlog.cli import cli
from runlog.cli._failures import exit_code_of
from runlog.errors import DatabaseUnavailableError, RunlogError

# Pieces that can be found again, with everything between them that an address may stumble over.
PIECES = ("Kx7", "Qz9", "Wv3", "Ej5", "Rt1", "Yp8", "Ub2", "Lm6")
PASSWORD = "Kx7@Qz9#Wv3/Ej5?Rt1:Yp8&Ub2%Lm6"
QUOTED = "Kx7'Qz9 Wv3\\Ej5\"Rt1=Yp8;Ub2$Lm6"


def words(password, port=1, **more):
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    rest = " ".join(f"{name}={value}" for name, value in more.items())
    return f"host=127.0.0.1 port={port} dbname=shop user=ada password='{quoted}' {rest}"


ADDRESSES = {
    "url": f"postgresql://ada:{quote(PASSWORD, safe='')}@127.0.0.1:1/shop",
    "url, nothing escaped": f"postgresql://ada:{PASSWORD}@127.0.0.1:1/shop",
    "url of a framework": f"postgresql+psycopg://ada:{PASSWORD}@127.0.0.1:1/shop?pgbouncer=true",
    "url, @ only": "postgres://ada:Kx7@Qz9@127.0.0.1:1/shop",
    "url, port is no number": f"postgresql://ada:{quote(PASSWORD, safe='')}@127.0.0.1:port/shop",
    "url, unknown option": f"postgresql://ada:{quote(PASSWORD, safe='')}@127.0.0.1:1/shop?x=y",
    "url, password as an option": f"postgresql://127.0.0.1:1/shop?user=ada&password={quote(PASSWORD, safe='')}",
    "url, no host": f"postgresql://ada:{PASSWORD}@/shop?host=/nowhere",
    "words": words(PASSWORD),
    "words, odd quotes": words(QUOTED),
    "words, unquoted": f"host=127.0.0.1 port=1 user=ada dbname=shop password={PASSWORD}",
    "words, a blank unquoted": "host=127.0.0.1 port=1 user=ada password=Kx7 Qz9 Wv3",
    "words, never closed": "host=127.0.0.1 port=1 user=ada password='Kx7 Qz9",
    "words, unknown one": words(PASSWORD, nonsense="1"),
    "words, blanks around": "host = 127.0.0.1 port = 1 password = 'Kx7 Qz9' user = ada",
    "no address": f"ada:{PASSWORD}@127.0.0.1/shop",
}


@pytest.fixture
def call(capfd):
    """Call a command in this process; returns its exit code and all that it printed."""

    def call(*args):
        capfd.readouterr()
        try:
            code = cli.main([*args], "runlog", standalone_mode=False) or 0
        except BaseException as error:
            code = exit_code_of(error)
        return code, "".join(capfd.readouterr())

    return call


def leaked(text):
    """The pieces of the password that stand in ``text``."""
    return [piece for piece in PIECES if piece in text]


SCRIPT = """
    import logging, os, sys
    import runlog
    from runlog._recorder import registry as _process

    log = logging.getLogger("app")
    handler = runlog.RunLogHandler(retry_interval=0.05, exit_timeout=0.2, connect_timeout=0.2)
    log.addHandler(handler)
    with runlog.RunContext("secretive", lifecycle_logs=False) as run:
        log.error("line")
        runlog.flush(0.2)
        print(repr(handler), repr(run), repr(_process.current()), vars(run), vars(run._state))
        print(open("/proc/self/cmdline").read() if os.path.exists("/proc/self/cmdline") else "")
    runlog.last_success("secretive")
"""


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_a_script_tells_no_password(run_script, address, own_environment):
    """An address that leads nowhere, in every form and with every odd character in its password: no piece of it in notices, tracebacks, reprs, the command line, or the spool."""
    script = run_script(SCRIPT, env={"RUNLOG_DSN": address})
    is_address = dsn.is_address(address)
    told = "cannot write to" if is_address else "the database address is not understood"
    assert told in script.stderr
    assert "DatabaseUnavailableError" in script.stderr
    assert leaked(script.stderr) == []
    assert leaked(script.stdout) == []
    waiting = [path for path in own_environment.rglob("*") if path.is_file()]
    assert bool(waiting) is is_address
    assert [
        leaked(path.read_text() + str(path)) for path in waiting if leaked(path.read_text())
    ] == []


COMMANDS = {
    "doctor": ["doctor"],
    "doctor as json": ["doctor", "--json"],
    "runs": ["runs"],
    "runs in detail": ["--debug", "runs"],
    "flush": ["flush"],
    "spool": ["spool"],
    "retry": ["spool", "retry"],
    "migrate": ["migrate"],
    "migrate in detail": ["--debug", "migrate"],
    "tail": ["--debug", "tail"],
    "exec": ["exec", "--", sys.executable, "-c", "print('hello')"],
}


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_the_command_line_tells_no_password(call, address, monkeypatch):
    """Each command against an address that leads nowhere, also with --debug: what it prints holds no piece of the password."""
    monkeypatch.setenv("RUNLOG_DSN", address)
    monkeypatch.setenv("RUNLOG_CONNECT_TIMEOUT", "0.2")
    for name in (
        "doctor",
        "doctor as json",
        "runs",
        "runs in detail",
        "flush",
        "migrate in detail",
    ):
        monkeypatch.delenv("RUNLOG_DEBUG", raising=False)
        code, said = call(*COMMANDS[name])
        assert code != 0, name
        assert leaked(said) == [], name


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_process_of_the_command_line_tells_no_password(commands, command):
    """The same as a process of its own, for every command that connects."""
    env = {"RUNLOG_DSN": ADDRESSES["url, nothing escaped"], "RUNLOG_EXIT_TIMEOUT": "0.2"}
    env["RUNLOG_CONNECT_TIMEOUT"] = "0.2"
    _, out, err = commands.run(*command, env=env)
    assert out + err
    assert leaked((out + err).decode()) == []


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_errors_and_their_causes_tell_no_password(address, monkeypatch):
    """What is raised to the program, with every cause and context that a traceback would print, holds no piece of the password."""
    import traceback

    monkeypatch.setenv("RUNLOG_DSN", address)
    monkeypatch.setenv("RUNLOG_CONNECT_TIMEOUT", "0.2")
    asking = [
        runlog.queries.last_runs,
        lambda: runlog.queries.last_runs(address),
    ]
    for ask in asking:
        with pytest.raises((RunlogError, DatabaseUnavailableError)) as caught:
            ask()
        printed = "".join(traceback.format_exception(caught.value))
        assert leaked(printed) == []


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("address", [ADDRESSES["url"], ADDRESSES["words"]])
def test_the_settings_tell_no_password(address):
    """What a debugger or a traceback with local variables prints of the settings holds no piece of the password."""
    assert leaked(repr(resolve({"dsn": address}))) == []


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_what_is_shown_of_an_address(address):
    """The words for people, and the folder's name, are made of host, port and database alone."""
    told = dsn.shown(address, {}) + dsn.folder_name(address, "public", {})
    assert leaked(told) == []
    for piece in PIECES:
        assert piece not in dsn.without_password(f"libpq says: {address!r}", address, {})


@pytest.mark.guarantee("secrets")
def test_the_server_sees_no_password(database, connection, tmp_path):
    """Name and statements in ``pg_stat_activity`` hold no password, and the row of the run none that stood in its arguments."""
    made = Recording(database, tmp_path / "spool", **QUICK)
    made.log("line")
    assert made.recorder.flush(10)
    secret = conninfo_to_dict(database).get("password") or "unused"
    seen = connection.execute(
        "select application_name, query from pg_stat_activity where pid <> pg_backend_pid()"
    ).fetchall()
    assert any(name.startswith("runlog:") for name, _ in seen)
    assert [row for row in seen if secret in str(row)] == []
    made.finish()
    assert made.close()


ARGUED = """
    import logging, sys
    import runlog

    with runlog.RunContext("argued", lifecycle_logs=True):
        logging.getLogger().addHandler(runlog.RunLogHandler())
        logging.getLogger("app").warning("connecting to %s", sys.argv[1])
    try:
        with runlog.RunContext("argued", lifecycle_logs=True):
            raise ValueError("cannot reach " + sys.argv[1])
    except ValueError:
        pass
"""


@pytest.mark.guarantee("secrets")
def test_no_row_holds_a_password(run_script, database, connection, evidence):
    """Arguments, messages, exceptions and stacks with addresses and options that hold passwords: no piece of them is in either table."""
    arguments = [
        ADDRESSES["url"], "--password", PASSWORD, f"--password={PASSWORD}", "--dsn",
        ADDRESSES["url"], "-p", "harmless",
    ]  # fmt: skip
    script = run_script(ARGUED, *arguments, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    rows = connection.execute(
        "select to_jsonb(runs) from runs union all select to_jsonb(logs) from logs"
    )
    stored = [json.dumps(row) for (row,) in rows]
    assert len(stored) >= 6
    assert [leaked(row) for row in stored if leaked(row)] == []
    assert "harmless" in "".join(stored)
    evidence(rows=len(stored), with_a_secret=sum(bool(leaked(row)) for row in stored))


@pytest.mark.guarantee("secrets")
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no process list to read")
def test_the_process_list_shows_no_password(commands, database):
    """Neither `runlog exec` nor the program that it starts has the address among its arguments."""
    program = "import os; print(*[open(f'/proc/{p}/cmdline').read() for p in (os.getpid(), os.getppid())])"
    secret = conninfo_to_dict(database).get("password") or "unused"
    code, out, _ = commands.run("exec", "--", sys.executable, "-c", program)
    assert code == 0
    assert b"runlog" in out
    assert secret.encode() not in out
    assert make_conninfo(database).encode() not in out
