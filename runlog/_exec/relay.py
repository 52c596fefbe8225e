"""A program's output: passed on byte for byte as it comes, and cut into lines that become entries.

One thread, ``runlog-output``, for both streams, so that the order in which the program wrote is
kept as far as pipes let one see it. What is printed is printed before it is recorded.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import threading
import time
from typing import TYPE_CHECKING

from runlog._exec.escapes import safe_cut, without_escapes
from runlog._exec.tracebacks import LineReader
from runlog._process.notices import notices

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._exec.lines import Line

_CHUNK_BYTES = 2**16
_LONGEST_LINE_BYTES = 2**17
_HOLD_SECONDS = 0.5
_IDLE_SECONDS = 0.25
_LONGEST_DRAIN_SECONDS = 5.0


class Stream:
    """One of the program's streams.

    Args:
        source: the pipe's end to read from.
        target: the descriptor to pass everything on to.
        record: takes each complete line.
    """

    def __init__(self, source: int, target: int, record: Callable[[Line], None]) -> None:
        self.source = source
        self.target = target
        self.reader = LineReader()
        self._record = record
        self._rest: list[bytes] = []
        self._rest_size = 0
        self._prints = True

    def pump(self) -> bool:
        """Pass on and record what is there; False at the end of the stream."""
        try:
            chunk = os.read(self.source, _CHUNK_BYTES)
        except OSError:
            return False
        if not chunk or not self._print(chunk):
            return False
        self._split(chunk)
        return True

    def settle(self) -> None:
        """Record a traceback that is held back."""
        for line in self.reader.flush():
            self._record(line)

    def finish(self) -> None:
        """Record what has no newline yet."""
        if self._rest:
            self._take(b"".join(self._rest))
        self.settle()

    def _print(self, chunk: bytes) -> bool:
        """Write all of it; False when nobody reads it any more."""
        view = memoryview(chunk)
        while self._prints and view:
            try:
                view = view[os.write(self.target, view) :]
            except BlockingIOError:
                with selectors.DefaultSelector() as selector:
                    selector.register(self.target, selectors.EVENT_WRITE)
                    selector.select()
            except OSError as error:
                if error.errno == errno.EPIPE:
                    # As the program itself would learn it: its next write is a SIGPIPE.
                    return False
                self._prints = False
                message = f"the program's output cannot be passed on, only recorded: {error}"
                notices.change("output", str(error.errno), message)
        return True

    def _split(self, chunk: bytes) -> None:
        first, *lines = chunk.split(b"\n")
        if first:
            self._rest.append(first)
            self._rest_size += len(first)
        if lines:
            self._take(b"".join(self._rest))
            for line in lines[:-1]:
                self._take(line)
            self._rest = [lines[-1]] if lines[-1] else []
            self._rest_size = len(lines[-1])
        elif self._rest_size >= _LONGEST_LINE_BYTES:
            # Bounded memory: an endless line becomes several entries.
            content = b"".join(self._rest)
            cut = safe_cut(content)
            self._take(content[:cut])
            self._rest = [content[cut:]] if cut < len(content) else []
            self._rest_size = len(content) - cut

    def _take(self, content: bytes) -> None:
        if b"\r" in content:
            # A progress bar writes over itself; what stood there last is what was said.
            content = content.rstrip(b"\r").rpartition(b"\r")[2]
        text = without_escapes(content.decode("utf-8", "backslashreplace"))
        for line in self.reader.feed(text):
            self._record(line)


class Relay:
    """Pumps both streams until they end, or until the program has and they fall silent."""

    def __init__(self, streams: list[Stream]) -> None:
        self.is_done = not streams
        self._open = {stream.source: stream for stream in streams}
        self._gone_at: float | None = None
        self._wake, self._waker = os.pipe()
        self._main = threading.get_ident()
        self._thread = threading.Thread(target=self._run, name="runlog-output", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        if self._open:
            self._thread.start()

    def program_is_gone(self) -> None:
        """Stop soon: children of the program may hold its streams open for ever."""
        self._gone_at = time.monotonic()
        os.write(self._waker, b".")

    def leftovers(self) -> list[Stream]:
        """Return the streams that somebody still holds open."""
        return list(self._open.values()) if self.is_done else []

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake, selectors.EVENT_READ)
                for source in self._open:
                    selector.register(source, selectors.EVENT_READ)
                while self._open and self._pump_ready(selector):
                    pass
        finally:
            self.is_done = True
            # Wakes the main thread, which waits for signals.
            with contextlib.suppress(ProcessLookupError):
                signal.pthread_kill(self._main, signal.SIGCHLD)

    def _pump_ready(self, selector: selectors.BaseSelector) -> bool:
        """Pump what is ready; False when the program is gone and nothing more comes."""
        ready = [key.fd for key, _ in selector.select(self._patience())]
        if self._wake in ready:
            os.read(self._wake, 1)
            return True
        for stream in [self._open[fd] for fd in ready]:
            if not stream.pump():
                selector.unregister(stream.source)
                del self._open[stream.source]
                os.close(stream.source)
                stream.finish()
        if not ready:
            for stream in self._open.values():
                stream.settle()
        if self._gone_at is None:
            return True
        is_late = time.monotonic() - self._gone_at > _LONGEST_DRAIN_SECONDS
        if is_late or not ready:
            for stream in self._open.values():
                stream.finish()
            return False
        return True

    def _patience(self) -> float | None:
        if self._gone_at is not None:
            return _IDLE_SECONDS
        is_holding = any(stream.reader.is_holding for stream in self._open.values())
        return _HOLD_SECONDS if is_holding else None
