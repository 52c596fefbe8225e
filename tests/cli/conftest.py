"""The command line as tests call it: `runlog` in this process, `shell` as a person would."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
from kit.scripts import CHECKOUT
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runlog.cli import cli
from runlog.cli._failures import exit_code_of


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self):
        """The lines of TSV without the header, as lists of cells."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]

    @property
    def header(self):
        return self.out.splitlines()[0].split("\t")


@pytest.fixture
def runlog(database, capfd, monkeypatch):
    """Call a command against the test's database, in this process; returns what it said."""
    monkeypatch.setenv("RUNLOG_DSN", database)
    for name in ("RUNLOG_SCHEMA", "RUNLOG_DEBUG", "LESS"):
        # Set and deleted again, so that what a command sets itself goes with the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")

    def call(*args):
        capfd.readouterr()
        try:
            code = cli.main([str(arg) for arg in args], "runlog", standalone_mode=False) or 0
        except BaseException as error:
            code = exit_code_of(error)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def shell_env(database, own_environment):
    """The environment of a process that uses the test's database."""
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return {
        **env,
        "RUNLOG_DSN": database,
        "RUNLOG_SPOOL_DIR": str(own_environment),
        "PYTHONPATH": str(CHECKOUT),
        "TZ": "UTC",
    }


@pytest.fixture
def shell(shell_env):
    """Run `python -m runlog` as a process of its own; returns what it said."""

    def call(*args, **env):
        done = subprocess.run(
            [sys.executable, "-m", "runlog", *map(str, args)],
            env={**shell_env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture
def away(database):
    """The address of a server that is not there, with a password."""
    parts = conninfo_to_dict(database)
    return make_conninfo(host="127.0.0.1", port=1, dbname=parts["dbname"], password="hush-hush")


@pytest.fixture
def told(http_sink, monkeypatch):
    """Alerts go to a sink; returns the titles that came."""
    monkeypatch.setenv("RUNLOG_ALERT_URLS", f"ops={http_sink.webhook}")
    return lambda: [document["title"] for document in http_sink.documents()]
