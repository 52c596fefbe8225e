"""The test's end of a process that logs on command, and what that process is known to have logged.

Lives here: ``Process`` (commands, signals, its model) and ``Nursery``, which starts them. Not here:
what the commands do (``conservation_child``).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from conservation_child import PLAIN, REFUSED, text_of
from kit.waiting import eventually

import runlog

CHILD = Path(__file__).with_name("conservation_child.py")
PATIENCE = 60.0  # seconds; for a machine that stands still


class GoneError(Exception):
    """The process has ended."""


@dataclass
class Run:
    """What a run's row must say in the end."""

    id: str
    owner: str
    status: str | None = None
    """None while it is open."""
    error: str | None = None


@dataclass
class Entry:
    """One call of the logger."""

    writer: str
    number: int
    run: str
    level: str
    kind: str
    is_certain: bool = True
    """False for the call during which the process was killed."""

    @property
    def word(self):
        return f"{self.writer}:{self.number:06d}"

    @property
    def text(self):
        return text_of(self.kind, self.writer, self.number)


@dataclass
class Process:
    """One process: its socket, and the model of what it did."""

    name: str
    link: socket.socket
    pid: int = 0
    is_stopped: bool = False
    is_alive: bool = True
    is_small: bool = False
    entries: list[Entry] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    """Those it may log into: started here, or inherited by a fork."""
    shed: int = 0
    left_behind: int = 0
    """Entries in spools of this process that were closed before they were delivered."""
    has_closed: bool = False
    chats: int = 0

    def ask(self, do, *fds, **arguments):
        """Have the process do something; return its reply."""
        self.send(do, *fds, **arguments)
        return self.hear()

    def send(self, do, *fds, **arguments):
        command = json.dumps({"do": do, **arguments}).encode()
        with contextlib.suppress(BrokenPipeError):
            socket.send_fds(self.link, [command], fds)

    def hear(self):
        text = b""
        while not text.endswith(b"\n"):
            part = self._receive()
            if not part:
                raise GoneError(f"{self.name} ended in the middle of a command")
            text += part
        reply = json.loads(text)
        assert "raised" not in reply, f"{self.name}: {reply}"
        return reply

    def _receive(self):
        try:
            return self.link.recv(2**16)
        except ConnectionResetError:
            return b""
        except TimeoutError:
            self.signal(signal.SIGUSR1)  # its stacks go to stderr.txt
            raise

    @property
    def own_runs(self):
        """The open runs that this process started."""
        return [run for run in self.runs.values() if run.owner == self.name and run.status is None]

    def note(self, writer, first, count, run, level, kind):
        """Take into the model that these were logged; return them."""
        made = [Entry(writer, first + each, run, level, kind) for each in range(count)]
        self.entries += made
        return made

    def next_number(self):
        """The number of its next entry."""
        return sum(entry.writer == self.name for entry in self.entries)

    def new_chat(self):
        """A name for a further thread that logs."""
        self.chats += 1
        return f"{self.name}.{self.chats}"

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """kill -9; returns when the process is gone."""
        self.signal(signal.SIGKILL)
        self.wait()
        self.die("error")

    def wait(self):
        """Wait for the end of the process; replies that nobody heard are dropped."""
        while self._receive():
            pass
        self.link.close()
        self.is_alive = False

    def die(self, status):
        """Take into the model how the runs end that this process leaves open."""
        for run in self.own_runs:
            run.status = status

    def refused_words(self):
        return {entry.word for entry in self.entries if entry.kind == REFUSED}

    def plain_texts(self):
        return {entry.text for entry in self.entries if entry.kind == PLAIN}


class Nursery:
    """Starts processes: forks of one that has imported everything and has opened nothing."""

    def __init__(self, folder):
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment |= {"PYTHONPATH": str(Path(runlog.__file__).parents[1]), "HOME": str(folder)}
        mine, theirs = socket.socketpair()
        mine.settimeout(PATIENCE)
        self.stderr = folder / "stderr.txt"
        with self.stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, str(CHILD)],
                cwd=folder, env=environment, stdin=theirs, stderr=stderr, start_new_session=True,
            )  # fmt: skip
        theirs.close()
        self._first = Process("nursery", mine, self._process.pid)

    def spawn(self, name, **settings):
        """Start a process with a handler for these settings."""
        made = self.fork(self._first, name)
        made.ask("configure", **settings)
        return made

    def fork(self, parent, name, **arguments):
        """Have ``parent`` fork; return the child."""
        mine, theirs = socket.socketpair()
        mine.settimeout(PATIENCE)
        parent.send("fork", theirs.fileno(), **arguments)
        theirs.close()
        child = Process(name, mine, is_small=parent.is_small)
        child.pid = parent.hear()["pid"]
        assert child.hear()["pid"] == child.pid
        return child

    def close(self):
        """End the first process; all others are ended by whoever started them."""
        self._first.link.close()
        self._process.wait(PATIENCE)


def progress(path):
    """How many calls have returned, and how many entries were shed by then."""
    words = path.read_bytes().split() if path.exists() else []
    returned, shed = map(int, words or (0, 0))
    return returned, shed


def wait_for_progress(path, wanted):
    def has_come_so_far():
        assert progress(path)[0] >= wanted

    eventually(has_come_so_far, PATIENCE)
