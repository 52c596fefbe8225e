"""A process that logs on command: the subject of the test of the conservation law.

Lives here: what happens inside the process, from the command to the reply. The first one is started
by the test; it imports everything and only forks, so that further processes cost milliseconds. Each
process forks others in the same way when told to. Not here: who commands (``conservation_process``).
Runs as a script; its standard input is the socket to the test.
"""

from __future__ import annotations

import contextlib
import contextvars
import faulthandler
import json
import logging
import os
import signal
import socket
import sys
import threading
import time

# As the shipper's thread does: what is imported before the fork costs the children nothing.
import orjson  # noqa: F401
import psycopg  # noqa: F401

import runlog
from runlog._delivery import delivery, store
from runlog._spool import spool as _spool
from runlog._spool import writer as _segments

PLAIN, ODD, LARGE, BULKY, REFUSED = "plain", "odd", "large", "bulky", "refused"
_TAILS = {
    PLAIN: "of a sync",
    ODD: "\0 \ud800 \t \\N \n \x18 \\. \U0001f600",
    LARGE: "x" * 300_000,
    BULKY: "x" * 16_000,
    REFUSED: "REFUSED",
}
_ODD_META = {"nan": float("nan"), "\0": {1, 2}, "big": 10**30, "bytes": b"\xff", "text": "\ud800"}
_WAIT_FOR_LAW_SECONDS = 5.0


def text_of(kind, writer, number):
    """Return the message; its first word names it."""
    return f"{writer}:{number:06d} {_TAILS[kind]}"


def lower_the_thresholds():
    """Have small sequences reach what needs megabytes otherwise: COPY, blocks, rotation."""
    for module, name, value in (
        (store, "BULK_MIN_LINES", 60),
        (store, "_INSERT_MAX_ROWS", 40),
        (delivery, "BLOCK_BYTES", 2**14),
        (_segments, "BLOCK_BYTES", 2**14),
        (_spool, "_SEGMENT_BYTES_MIN", 2**13),
        (_spool, "_SEGMENT_BYTES_MAX", 2**13),
        (_spool, "_EVENT_SEGMENT_BYTES", 2**12),
    ):
        assert hasattr(module, name), name
        setattr(module, name, value)


class Served:
    """Takes one command after the other; ``do_<command>`` returns what the reply says."""

    def __init__(self, link):
        self.link = link
        self.log = logging.getLogger("served")
        self.recorder = None
        self.runs = {}

    def serve(self):
        while True:
            text, fds, *_ = socket.recv_fds(self.link, 2**16, 1)
            if not text:
                os._exit(0)  # the test is gone
            command = json.loads(text)
            try:
                reply = getattr(self, f"do_{command.pop('do')}")(*fds, **command)
            except Exception as error:  # that one was raised is what the test has to see
                reply = {"raised": repr(error)}
            self.link.sendall(json.dumps(reply).encode() + b"\n")

    def do_configure(self, **settings):
        handler = runlog.RunLogHandler(**settings)
        self.recorder = handler._recorder
        self.log.addHandler(handler)
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        return {}

    def do_fork(self, end, writer="", run="", chatter=0):
        """Fork while another thread logs ``chatter`` entries; both processes reply."""
        talking = self._talk(run, writer, chatter)
        pid = os.fork()
        if pid == 0:
            self.link.close()
            self.link = socket.socket(fileno=end)
            return {"pid": os.getpid()}
        os.close(end)
        talking.join()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return {"pid": pid}

    def do_start(self, name):
        context = contextvars.Context()
        run = context.run(lambda: runlog.RunContext(name, lifecycle_logs=False).start())
        self.runs[str(run.id)] = context, run
        return {"run": str(run.id)}

    def do_finish(self, run, error):
        context, run = self.runs.pop(run)
        context.run(run.finish, ValueError(error) if error else None)
        return {}

    def do_log(self, run, writer, first, count, kind, level, progress=None):
        """Log; after each call note in the file ``progress`` how many returned, how many were shed."""
        fd = os.open(progress, os.O_WRONLY | os.O_CREAT, 0o600) if progress else None
        for number in range(first, first + count):
            self._log_one(run, writer, number, kind, level)
            if fd is not None:
                os.pwrite(fd, b"%06d %06d" % (number + 1 - first, self._shed()), 0)
        return {}

    def _log_one(self, run, writer, number, kind, level):
        meta = _ODD_META if kind == ODD else {"number": number}
        text = text_of(kind, writer, number)
        self.runs[run][0].copy().run(self.log.log, level, text, extra={"step": "S", "meta": meta})

    def _shed(self):
        """How many this process shed, in spools that it closed too."""
        return self.recorder.losses().get("shed", 0)

    def _talk(self, run, writer, count):
        """Return a thread that logs."""
        arguments = run, writer, 0, count, PLAIN, logging.INFO
        thread = threading.Thread(target=self.do_log, args=arguments)
        thread.start()
        return thread

    def do_chatter(self, run, writers, count):
        """Log in several threads, and meanwhile read the statistics over and over."""
        threads = [self._talk(run, writer, count) for writer in writers]
        readings = torn = 0
        while any(thread.is_alive() for thread in threads):
            readings += 1
            torn += self._reading() is None
        return {"readings": readings, "torn": torn}

    def do_flush(self, timeout):
        return {"done": self.recorder.flush(timeout)}

    def do_close(self, timeout):
        return {"done": self.recorder.close(timeout)}

    def do_catch_up(self, timeout):
        """Deliver what dead processes left, as before a question; give up after ``timeout``."""
        self.recorder.open()
        self.recorder._shipper.delivery.look_for_orphans()
        return {"done": self.recorder.flush(timeout)}

    def do_stats(self):
        """Return the terms at a moment at which the law holds, the last ones if there is none.

        A term is read after the other, and the shipper goes on in between: such readings are torn.
        """
        torn, until = 0, time.monotonic() + _WAIT_FOR_LAW_SECONDS
        while not (stats := self._reading()) and time.monotonic() < until:
            torn += 1
            time.sleep(0.001)
        return {"torn": torn, **(stats or self._terms())}

    def _reading(self):
        """Return the terms; None if they were read while the shipper changed them."""
        try:
            terms = self._terms()
        except OSError:
            return None
        return terms if is_lawful(terms) else None

    def _terms(self):
        stats = self.recorder.stats()
        names = ("appended", "committed", "waiting", "dead_letters", "shed", "adopted", "unbound")
        return {name: getattr(stats, name) for name in names}

    def do_exit(self):
        sys.exit(0)

    def do_vanish(self):
        os._exit(0)


def is_lawful(terms):
    """The conservation law."""
    accounted = (terms[name] for name in ("committed", "waiting", "dead_letters", "shed"))
    return terms["appended"] == sum(accounted)


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    lower_the_thresholds()
    # Kept by a name: the socket is to close when the process has really ended.
    served = Served(socket.socket(fileno=0))
    served.serve()
