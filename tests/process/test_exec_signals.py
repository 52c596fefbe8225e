"""``runlog exec``: signals, terminals and pipes are as if the program ran by itself."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time

import pytest
from kit.waiting import eventually

PYTHON = sys.executable


def shell(source):
    return "sh", "-c", source


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGQUIT"])
def test_signals_are_handed_on(start_program, stored_runs, name):
    """The program decides; its exit code is the one that counts."""
    trap = name.removeprefix("SIG")
    source = f"trap 'echo caught; exit 7' {trap}; echo ready; while :; do sleep 0.05; done"
    process = start_program(*shell(source))
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, name))
    stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (7, b"caught\n")
    assert stored_runs() == [("sh", "error", "exit code 7", "exited")]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_the_program_dies_by(start_program, stored_runs, name):
    """Both die by it, and the row says so."""
    process = start_program(*shell("echo ready; exec sleep 60"))
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=30)
    assert process.returncode == -getattr(signal, name)
    verb = "interrupted" if name == "SIGINT" else "terminated"
    assert stored_runs() == [("sh", "error", f"{verb} by {name}", verb)]


def test_an_ignored_signal_stays_ignored(start_program, stored_runs):
    """Under nohup neither the wrapper nor the program hears of SIGHUP."""
    process = start_program(
        *shell("echo ready; read line; echo went on"), prefix=("nohup",), stdin=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    stdout, _ = process.communicate(b"\n", timeout=30)
    assert (process.returncode, stdout) == (0, b"went on\n")
    assert stored_runs() == [("sh", "success", None, "finished")]


def test_ctrl_c_at_a_terminal_reaches_the_program_once(commands, stored_runs):
    """A terminal sends it to the whole group; handing it on would make it two."""
    source = """
import signal, sys, time
count = 0
def caught(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, caught)
print("ready", flush=True)
deadline = time.monotonic() + 30
while not count and time.monotonic() < deadline:
    time.sleep(0.01)
time.sleep(0.5)
print("count", count, flush=True)
"""
    path = commands.write("program.py", source)
    pid, terminal = pty.fork()
    if pid == 0:
        words = [PYTHON, "-m", "runlog", "exec", "--", PYTHON, str(path)]
        os.execve(PYTHON, words, commands._env)
    try:
        _read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        assert b"count 1" in _read_until(terminal, b"count")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert stored_runs() == [("program", "success", None, "finished")]


def _read_until(terminal, word):
    seen = b""
    deadline = time.monotonic() + 30
    while word not in seen or not seen.endswith(b"\n"):
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 4096)
    return seen


def test_a_grandchild_that_keeps_the_pipe(start_program, stored_runs, tmp_path):
    """The end does not wait for it, and what it writes later still goes where it would."""
    output = tmp_path / "output"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with output.open("wb") as file:
        late = f"(read line < {shlex.quote(str(gate))}; echo late) & echo early"
        process = start_program(*shell(late), stdout=file)
        assert process.wait(timeout=30) == 0
    assert output.read_bytes() == b"early\n"
    assert stored_runs() == [("sh", "success", None, "finished")]
    gate.write_text("go\n")

    def written():
        assert output.read_bytes() == b"early\nlate\n"

    eventually(written)


def test_a_reader_that_has_seen_enough(start_program, stored_runs):
    """``| head``: the program gets its SIGPIPE as without runlog."""
    process = start_program("yes")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == -signal.SIGPIPE
    process.stdout = None
    assert stored_runs() == [("yes", "error", "killed by SIGPIPE", "killed")]


def test_closed_descriptors(commands, stored_runs):
    """Started with stdout and stderr closed, as some daemons do, it records all the same."""
    words = shlex.join([PYTHON, "-m", "runlog", "exec", "--", "sh", "-c", "echo x; exit 3"])
    done = subprocess.run(["sh", "-c", f"{words} >&- 2>&-"], env=commands._env, check=False)
    assert done.returncode == 3
    assert stored_runs() == [("sh", "error", "exit code 3", "exited")]
