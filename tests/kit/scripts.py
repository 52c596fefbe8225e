"""Scripts that run in real processes and really end.

`run_script` and `start_script` live here. Output goes to files, not pipes: nothing blocks when
a script writes much, dies, or leaves a child behind that keeps the descriptor open.
Everything here runs on the test's own thread.
"""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from kit.waiting import eventually

CHECKOUT = Path(__file__).resolve().parents[2]
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


class Script:
    """One process that runs a script, in a session (and so a process group) of its own."""

    def __init__(self, path: Path, args: tuple[object, ...], env: Mapping[str, str]) -> None:
        self.path = path
        self._stdout = path.with_suffix(".stdout")
        self._stderr = path.with_suffix(".stderr")
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, str(path), *map(str, args)],
                cwd=path.parent,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it (-9 for SIGKILL)."""
        return self._process.poll()

    @property
    def stdout(self) -> str:
        return self._stdout.read_text(errors="backslashreplace")

    @property
    def stderr(self) -> str:
        return self._stderr.read_text(errors="backslashreplace")

    def wait_for_line(self, text: str, within: float = 30.0) -> str:
        """Return the first whole line of stdout or stderr that contains `text`.

        Fails at once when the script ends without such a line.
        """

        def found_or_ended() -> str:
            # Asked before reading: what a process wrote before its end is then read for sure.
            has_ended = self.exit_code is not None
            lines = self.stdout.splitlines(keepends=True) + self.stderr.splitlines(keepends=True)
            line = next((line for line in lines if text in line and line.endswith("\n")), "")
            assert line or has_ended, self._story(f"no line with {text!r} yet")
            return line

        line = eventually(found_or_ended, within)
        assert line, self._story(f"ended without a line with {text!r}")
        return line.removesuffix("\n")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, not to its children."""
        self._process.send_signal(number)

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for the end; return the exit code, negative when a signal ended it.

        A script that runs longer than `timeout` seconds is killed and fails the test.
        """
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.end()
        raise AssertionError(self._story(f"still ran after {timeout} s"))

    def kill(self) -> int:
        """Kill the process with SIGKILL (not its children), reap it, return the exit code."""
        self._process.kill()
        return self._process.wait()

    def end(self) -> None:
        """Kill whatever is left of the process and its children; reap the process."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _story(self, what: str) -> str:
        return (
            f"{self.path.name} {what}; exit code {self.exit_code}\n"
            f"--- stdout\n{self.stdout}--- stderr\n{self.stderr}"
        )


class Scripts:
    """Start the scripts of one test; `end` leaves no process behind."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = env
        self._started: list[Script] = []

    def start(self, source: str, *args: object, env: Mapping[str, str] | None = None) -> Script:
        """Start a script and return at once.

        Args:
            source: Python source; common indentation is taken away.
            args: Its arguments, as text.
            env: Variables on top of the clean environment.
        """
        path = self._folder / f"script_{len(self._started) + 1}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        script = Script(path, args, {**self._env, **(env or {})})
        self._started.append(script)
        return script

    def run(
        self,
        source: str,
        *args: object,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        wait: bool = True,
    ) -> Script:
        """Start a script and, with `wait`, wait for its end.

        Fails when it takes longer than `timeout` seconds. Default: 60.
        """
        script = self.start(source, *args, env=env)
        if wait:
            script.wait(timeout)
        return script

    def end(self) -> None:
        for script in self._started:
            script.end()


@pytest.fixture
def scripts(tmp_path: Path, own_environment: Path) -> Iterator[Scripts]:
    """Scripts with a clean environment: nothing of the caller's but where programs are."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    started = Scripts(
        tmp_path,
        passed_on
        | {
            "HOME": str(tmp_path),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
            "RUNLOG_SPOOL_DIR": str(own_environment),
        },
    )
    yield started
    started.end()


@pytest.fixture
def run_script(scripts: Scripts) -> Callable[..., Script]:
    """`run_script(source, *args, env=None, timeout=60, wait=True)` → an ended Script."""
    return scripts.run


@pytest.fixture
def start_script(scripts: Scripts) -> Callable[..., Script]:
    """`start_script(source, *args, env=None)` → a running Script."""
    return scripts.start
