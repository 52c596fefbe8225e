"""The way to stderr, which never waits: a full pipe or a stopped terminal keeps nobody from work.

What cannot be written now is kept, a few lines of it, for the next time something is said or the
shipper looks. Any thread; never raises.
"""

from __future__ import annotations

import select
import sys
import threading
from collections import deque
from typing import TextIO

from runlog._process.fork import one_voice
from runlog._process.interrupts import is_interrupt

_MOST_LINES = 50
_LINE_BYTES = 4000
"""A pipe that can be written to takes so much, and a little more, without waiting (POSIX: 4096)."""

speaking: set[int] = set()
"""The thread that writes to stderr now: what is logged in there, by a stderr of the program's own
that logs each line, is runlog's own word."""

_waiting: deque[str] = deque(maxlen=_MOST_LINES)


def write_line(line: str) -> None:
    """Write ``line`` now if stderr takes it, else later."""
    encoded = line.encode("utf-8", "replace")
    cut = encoded[:_LINE_BYTES].decode("utf-8", "ignore") + " …"
    _waiting.append(cut if len(encoded) > _LINE_BYTES else line)
    write_waiting()


def write_waiting() -> None:
    """Write what waits, as far as stderr takes it."""
    while _waiting:
        # Not waited for: who has the voice writes what others leave here.
        voice = one_voice()
        if not voice.acquire(blocking=False):
            return
        try:
            if not _write_first():
                return
        finally:
            voice.release()


def _write_first() -> bool:
    try:
        stream = sys.stderr or sys.__stderr__
        if stream is None:
            _waiting.clear()
            return False
        if not _takes_a_line(stream):
            return False
        # One write: lines of several threads and processes must not mix.
        speaking.add(threading.get_ident())
        stream.write(f"{_waiting.popleft()}\n")
        stream.flush()
    except Exception as error:
        if is_interrupt(error):
            raise
        return False
    finally:
        speaking.discard(threading.get_ident())
    return True


def _takes_a_line(stream: TextIO) -> bool:
    try:
        number = stream.fileno()
    except (AttributeError, OSError, ValueError):
        # In memory, or of a notebook.
        return True
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in poll.poll(0))
