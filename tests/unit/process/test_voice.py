"""Notices never wait for whoever reads stderr; what could not be said is said later."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import sys
import termios
import threading

import pytest

from runlog._process import voice
from runlog._process.notices import say


@pytest.fixture(autouse=True)
def _nothing_waits():
    voice._waiting.clear()
    yield
    voice._waiting.clear()


@contextlib.contextmanager
def stderr_is(number):
    """``number`` in the place of stderr."""
    with os.fdopen(number, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield


@pytest.fixture
def full_pipe():
    """Both ends of a pipe that takes no more."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)
    yield read, write
    os.close(read)


def drained(number):
    """What can be read now."""
    data = b""
    while True:
        try:
            data += os.read(number, 2**16)
        except BlockingIOError:
            return data.decode()


@pytest.mark.guarantee("never-raises")
def test_a_full_pipe_keeps_nobody_waiting(full_pipe):
    """Nobody reads: the call returns, and what it said comes first when somebody does."""
    read, write = full_pipe
    with stderr_is(write):
        for number in range(3):
            say(f"notice {number}")
        drained(read)
        say("another")
        said = [f"runlog: notice {number}" for number in range(3)]
        assert drained(read).splitlines() == [*said, "runlog: another"]


@pytest.mark.guarantee("never-raises")
def test_a_stopped_terminal_keeps_nobody_waiting():
    """Ctrl-S: the call returns, and the line comes when the terminal goes on."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    with stderr_is(slave):
        termios.tcflow(slave, termios.TCOOFF)
        say("stopped")
        assert list(voice._waiting) == ["runlog: stopped"]
        termios.tcflow(slave, termios.TCOON)
        voice.write_waiting()
        assert drained(master).strip() == "runlog: stopped"
    os.close(master)


@pytest.mark.guarantee("bounded")
def test_what_waits_is_bounded(full_pipe):
    """Of a thousand notices to nobody the last fifty are kept, and none is longer than a pipe takes at once."""
    read, write = full_pipe
    with stderr_is(write):
        for number in range(1000):
            say(f"notice {number} {'€' * 5000}")
        drained(read)
        lines = []
        while voice._waiting:
            voice.write_waiting()
            lines += drained(read).splitlines()
    assert [line.split()[2] for line in lines] == [str(number) for number in range(950, 1000)]
    assert max(len(line.encode()) for line in lines) <= 4096


def test_lines_of_threads_stay_whole(monkeypatch):
    """Whoever has the voice writes what the others leave: every line once, whole."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    threads = [
        threading.Thread(target=lambda t=t: [say(f"{t} {n}") for n in range(5)]) for t in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    voice.write_waiting()
    wanted = [f"runlog: {t} {n}" for t in range(8) for n in range(5)]
    assert sorted(stream.getvalue().splitlines()) == sorted(wanted)


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("stream", [None, io.StringIO("closed"), object()])
def test_a_stderr_that_is_none(monkeypatch, stream):
    """No stderr, a closed one, something else: a notice raises nothing."""
    if isinstance(stream, io.StringIO):
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "__stderr__", stream)
    say("to nobody")
