"""The command line in processes of their own, for tests of what wraps programs.

`runlog_command` and `start_runlog` live here. Output goes through pipes that the test reads.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest


class Commands:
    """Starts commands with the clean environment of the test's scripts."""

    def __init__(self, scripts, folder):
        self.folder = folder
        self._env = scripts._env
        self._started = []

    def start(self, *words, env=None, python=sys.executable, prefix=(), **options):
        """Start ``runlog words…``; the words before it in ``prefix``."""
        process = subprocess.Popen(
            [*prefix, python, "-m", "runlog", *map(str, words)],
            cwd=self.folder,
            env={**self._env, **(env or {})},
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            start_new_session=True,
            **options,
        )
        self._started.append(process)
        return process

    def run(self, *words, given=None, **options):
        """Run it to its end; return exit code, stdout and stderr (bytes)."""
        if given is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*words, **options)
        stdout, stderr = process.communicate(given, timeout=60)
        return process.returncode, stdout, stderr

    def python(self, *words):
        """Run plain Python to its end, with nothing of runlog in its environment."""
        env = {name: value for name, value in self._env.items() if not name.startswith("RUNLOG_")}
        done = subprocess.run(
            [sys.executable, *map(str, words)],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def write(self, name, source):
        """Put a file into the folder in which commands run."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return path

    def end(self):
        for process in self._started:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def commands(scripts, database, tmp_path):
    """``commands.run(*words, env=None, given=None)``, recorded in the test's database."""
    folder = tmp_path / "commands"
    folder.mkdir()
    started = Commands(scripts, folder)
    started._env = {**started._env, "RUNLOG_DSN": database}
    yield started
    started.end()


@pytest.fixture
def run_program(commands):
    """``run_program(program…, options=…)`` → exit code, stdout, stderr of ``runlog exec``."""

    def execute(*program, options=(), **rest):
        return commands.run("exec", *options, "--", *program, **rest)

    return execute


@pytest.fixture
def start_program(commands):
    """The same, still running."""
    return lambda *program, options=(), **rest: commands.start(
        "exec", *options, "--", *program, **rest
    )


@pytest.fixture
def stored_runs(connection):
    """``stored_runs()``: script_name, status, error_message and outcome of all runs."""
    return lambda: connection.execute(
        "select script_name, status, error_message, metadata -> 'runlog' ->> 'outcome'"
        " from runs order by started_at"
    ).fetchall()


@pytest.fixture
def stored_lines(connection):
    """``stored_lines()``: level, step, message, meta in order, without the run's own START and END."""

    def read():
        return connection.execute(
            "select level, step, message, meta from logs"
            " where step not in ('START', 'END', 'ERROR') order by timestamp, id"
        ).fetchall()

    return read
