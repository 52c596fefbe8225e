"""One connection through the FaultProxy, and the faults in its way.

`Link` lives here; listening and switching modes do not (proxy.py), nor what the bytes mean
(proxy_messages.py). Everything runs on the proxy's thread; only `Counters` are read
from elsewhere.
"""

import contextlib
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from kit.proxy_messages import (
    CODES_ANSWERED_BY_ONE_BYTE,
    MessageStream,
    Statements,
    says_not_committed,
)

Mode = Literal["forward", "refuse", "hang", "reset", "half_open"]

CHUNK_BYTES = 256 * 1024
QUEUE_BYTES = 4 * 1024 * 1024  # who sends more is not read until the other side caught up
RST_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Cut:
    """A one-shot fault that waits for the next statement whose SQL `matches`."""

    when: Literal["before", "after"]
    matches: Callable[[str], bool]


@dataclass(slots=True)
class Counters:
    """What went through a proxy since it was opened; bytes that were lost are not counted."""

    connections: int = 0
    statements: int = 0
    round_trips: int = 0  # that ended: the login's, and one for each Sync or simple query
    cuts: int = 0
    bytes_to_server: int = 0
    bytes_to_client: int = 0


@dataclass(slots=True)
class Faults:
    """What all links of a proxy share: the mode they are in, the armed cut, the counters."""

    mode: Mode = "forward"
    delay: float = 0.0  # seconds, each direction
    armed: Cut | None = None
    counters: Counters = field(default_factory=Counters)


class Outbox:
    """What waits to be written to one socket, each piece with the time from which it may go."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: deque[tuple[float, memoryview]] = deque()

    def put(self, piece: bytes, delay: float) -> None:
        if piece:
            self._pieces.append((time.monotonic() + delay, memoryview(piece)))
            self.size += len(piece)

    def due_at(self) -> float | None:
        return self._pieces[0][0] if self._pieces else None

    def clear(self) -> None:
        self._pieces.clear()
        self.size = 0

    def write_to(self, receiver: socket.socket) -> None:
        due, piece = self._pieces.popleft()
        try:
            sent = receiver.send(piece)
        except BlockingIOError:
            sent = 0
        self.size -= sent
        if sent < len(piece):
            self._pieces.appendleft((due, piece[sent:]))


class Link:
    """One client's connection and ours to the server (None when accepted only to hang).

    A fault that loses bytes marks the direction for good: passing on what comes later would be
    a stream with a hole in it, which no network delivers.
    """

    def __init__(self, faults: Faults, client: socket.socket, server: socket.socket | None) -> None:
        self.client = client
        self.server = server
        self.to_client = Outbox()
        self.to_server = Outbox()
        self.is_closed = False
        self._faults = faults
        self._is_ending = False
        self._requests_lost = self._answers_lost = server is None
        self._requests = MessageStream(is_typed=False)
        self._answers = MessageStream(is_typed=True)
        self._statements = Statements()
        # How many ReadyForQuery are still due. The first one ends the startup.
        self._ready_due = 1
        self._is_extended = False
        self._cut: Cut | None = None
        self._ready_before_cut = 0
        self._kept: list[bytes] = []

    def readers(self) -> Iterator[socket.socket]:
        """The sockets to read from now; a side whose peer lags waits."""
        if self._is_ending:
            return
        if self.to_server.size < QUEUE_BYTES:
            yield self.client
        if self.server is not None and self.to_client.size < QUEUE_BYTES:
            yield self.server

    def writers(self) -> Iterator[tuple[socket.socket, float]]:
        """The sockets to write to, each with the time from which its next piece may go."""
        for receiver, outbox in ((self.client, self.to_client), (self.server, self.to_server)):
            due = outbox.due_at()
            if receiver is not None and due is not None:
                yield receiver, due

    def read(self, sender: socket.socket) -> None:
        try:
            chunk = sender.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if sender is self.client:
            self._hear_client(chunk)
        else:
            self._hear_server(chunk)

    def write(self, receiver: socket.socket) -> None:
        outbox = self.to_client if receiver is self.client else self.to_server
        try:
            outbox.write_to(receiver)
        except OSError:
            self.close()

    def lose_what_waits(self) -> None:
        """Drop the bytes that a slow link still holds, as a hanging network does."""
        self._requests_lost |= self.to_server.size > 0
        self._answers_lost |= self.to_client.size > 0
        self.to_server.clear()
        self.to_client.clear()

    def close_if_done(self) -> None:
        if self._is_ending and not self.to_client.size and not self.to_server.size:
            self.close()

    def close(self, *, reset: bool = False) -> None:
        """Close both sides; with `reset` the client gets RST instead of FIN."""
        if self.is_closed:
            return
        self.is_closed = True
        self._rearm()
        if reset:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
        for side in (self.client, self.server):
            if side is None:
                continue
            # A forked child may hold the socket too: only shutdown ends the connection for all.
            if not (reset and side is self.client):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
            side.close()

    def _hear_client(self, chunk: bytes) -> None:
        self._requests_lost |= self._faults.mode == "hang" and bool(chunk)
        if self._requests_lost:
            if not chunk:
                self.close()
            return
        self._is_ending = not chunk
        self._requests.feed(chunk)
        passed = b"".join([self._pass_request(it) for it in self._whole(self._requests)])
        self._faults.counters.bytes_to_server += len(passed)
        self.to_server.put(passed, self._faults.delay)

    def _hear_server(self, chunk: bytes) -> None:
        self._answers_lost |= self._faults.mode in ("hang", "half_open")
        if self._answers_lost:
            if not chunk and self.server is not None:
                self.server.close()
                self.server, self._requests_lost = None, True
                self.lose_what_waits()
            return
        self._is_ending = not chunk
        self._answers.feed(chunk)
        passed = b"".join([self._pass_answer(it) for it in self._whole(self._answers)])
        if not chunk:
            passed += self._release()
        self._faults.counters.bytes_to_client += len(passed)
        self.to_client.put(passed, self._faults.delay)

    def _whole(self, stream: MessageStream) -> Iterator[bytes]:
        while not self.is_closed and (message := stream.take()):
            yield message

    def _pass_request(self, message: bytes) -> bytes:
        if self._requests.is_opaque:
            return message
        if not self._requests.is_typed:
            return self._pass_startup(message)
        kind = message[:1]
        sql = self._statements.sql_of(message)
        if kind in (b"Q", b"E"):
            self._faults.counters.statements += 1
            self._is_extended = kind == b"E"
        cut = self._faults.armed
        if cut is not None and sql and cut.matches(sql):
            if cut.when == "before":
                return self._carry_out(cut)
            if kind in (b"Q", b"E"):
                self._faults.armed, self._cut = None, cut
                self._ready_before_cut = self._ready_due
        self._ready_due += kind in (b"Q", b"S")
        return message

    def _pass_startup(self, message: bytes) -> bytes:
        code = int.from_bytes(message[4:8], "big")
        if code in CODES_ANSWERED_BY_ONE_BYTE:
            self._answers.single_bytes += 1
        else:
            self._requests.is_typed = True
        return message

    def _pass_answer(self, message: bytes) -> bytes:
        if self._answers.is_opaque:
            return message
        if self._answers.single_bytes:
            self._answers.single_bytes -= 1
            is_encrypted = message in (b"S", b"G")
            self._requests.is_opaque = self._answers.is_opaque = is_encrypted
            return message
        kind = message[:1]
        self._faults.counters.round_trips += kind == b"Z"
        # CopyInResponse: the server ignores the Sync that libpq sent behind the Execute.
        self._ready_due -= kind == b"Z" or (kind == b"G" and self._is_extended)
        if self._cut is None:
            return message
        if self._ready_before_cut:
            self._ready_before_cut -= kind == b"Z"
            return message
        self._kept.append(message)
        if kind == b"Z":
            return self._judge(self._cut, status=message[5:6])
        return self._release() if kind == b"G" else b""

    def _judge(self, cut: Cut, status: bytes) -> bytes:
        """Cut if the server has committed; wait on inside a transaction; else arm it again."""
        if status != b"I":
            return self._release()
        if not any(says_not_committed(it) for it in self._kept):
            return self._carry_out(cut)
        self._rearm()
        return self._release()

    def _carry_out(self, cut: Cut) -> bytes:
        if self._faults.armed is cut:
            self._faults.armed = None
        self._cut = None
        self._faults.counters.cuts += 1
        self.close()
        return b""

    def _rearm(self) -> None:
        """Give back a cut that did not come about."""
        if self._cut is not None and self._faults.armed is None:
            self._faults.armed = self._cut
        self._cut = None

    def _release(self) -> bytes:
        kept, self._kept = b"".join(self._kept), []
        return kept
