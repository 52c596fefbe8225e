"""A TCP proxy in front of PostgreSQL that fails on demand.

`FaultProxy` and the fixture `proxy` live here; what happens to one connection is in proxy_link.py.
One thread owns every socket. The verbs (`hang`, `reset`, `cut_after_commit` …) run on that thread
and return once they hold, so a test never races its own proxy.
"""

import contextlib
import re
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Self

import psycopg
import pytest
from kit.proxy_link import RST_ON_CLOSE, Cut, Faults, Link, Mode
from psycopg.conninfo import conninfo_to_dict, make_conninfo

HOST = "127.0.0.1"
TIMEOUT = 10.0  # seconds; the proxy's own work takes far less
CHANGE = re.compile(r"\b(insert|copy)\b.*[\s.\"]logs\b", re.IGNORECASE | re.DOTALL)


def is_change(sql: str) -> bool:
    """Say whether a statement inserts or copies into `logs`, qualified and quoted or not."""
    return CHANGE.search(sql) is not None


class FaultProxy:
    """Stand between a client and PostgreSQL, and be the network that fails.

    The mode can be switched at any time and holds for existing and new connections. A connection
    that lost bytes to `hang` or `half_open` stays broken after `forward`; new ones are fine.
    `counters` can be read at any time.

    Args:
        host: Where PostgreSQL listens: a name, a folder of its socket, or the socket's path.
        port: Its port, also part of the socket's name in a folder. Default: 5432.
    """

    def __init__(self, host: str, port: int = 5432) -> None:
        self.conninfo = ""
        self.faults = Faults()
        self.counters = self.faults.counters
        self._upstream = _address(host, port)
        self._links: list[Link] = []
        self._orders: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._woken, self._waker = socket.socketpair()
        # Bound but never listening: keeps the port ours while connections are refused.
        self._reservation = _bind(0)
        self.port: int = self._reservation.getsockname()[1]
        self._listener: socket.socket | None = None
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._thread.start()
        self.forward()

    @classmethod
    def in_front_of(cls, conninfo: str) -> Self:
        """Open a proxy for this database; its `conninfo` leads through it."""
        with psycopg.connect(conninfo) as connection:  # libpq knows best what a conninfo means
            host, port = connection.info.host, connection.info.port
        proxy = cls(host, port)
        proxy.conninfo = proxy.dsn(conninfo)
        return proxy

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def mode(self) -> Mode:
        return self.faults.mode

    @property
    def open_connections(self) -> int:
        return sum(not link.is_closed for link in self._links)

    def dsn(self, base_conninfo: str) -> str:
        """Return `base_conninfo` with this proxy as its server.

        Encryption is off unless the base asks for it: cuts need to read the statements.
        """
        given = conninfo_to_dict(base_conninfo, sslmode="disable", gssencmode="disable")
        given |= conninfo_to_dict(base_conninfo) | {"host": HOST, "port": self.port}
        given.pop("hostaddr", None)  # would win over host
        return make_conninfo("", **given)

    def forward(self) -> None:
        """Pass everything on, at once."""
        self._switch("forward")

    def slow(self, round_trip_seconds: float) -> None:
        """Pass everything on, half of the round trip later in each direction."""
        self._switch("forward", delay=round_trip_seconds / 2)

    def refuse(self) -> None:
        """Close the listening socket and all connections, like a server that was stopped."""
        self._switch("refuse")

    def reset(self) -> None:
        """Answer every connection, existing or new, with RST."""
        self._switch("reset")

    def hang(self) -> None:
        """Accept and read, but pass nothing on any more, in either direction."""
        self._switch("hang")

    def half_open(self) -> None:
        """Pass on what clients say; lose every answer."""
        self._switch("half_open")

    def cut_after_commit(self, matches: Callable[[str], bool] = is_change) -> None:
        """Let the next change commit, drop the server's answer, close both sides.

        Inside a transaction it is the answer to COMMIT that is dropped. A statement that fails or
        is rolled back does not use up the cut. `counters.cuts` counts the cuts that happened.
        """
        self._arm(Cut("after", matches))

    def cut_before_commit(self, matches: Callable[[str], bool] = is_change) -> None:
        """Close both sides instead of passing on the next change."""
        self._arm(Cut("before", matches))

    def close(self) -> None:
        """Close every socket and end the thread. Can be called again."""
        if self._thread.is_alive():
            self._order(self._stop)
            self._thread.join(TIMEOUT)
            for side in (self._woken, self._waker, self._reservation):
                side.close()

    def _arm(self, cut: Cut) -> None:
        def arm() -> None:
            self.faults.armed = cut

        self._order(arm)

    def _switch(self, mode: Mode, delay: float = 0.0) -> None:
        def switch() -> None:
            self.faults.mode, self.faults.delay = mode, delay
            if mode in ("refuse", "reset"):
                self._close_links(reset=mode == "reset")
            if mode == "hang":
                for link in self._links:
                    link.lose_what_waits()
            self._listen(mode != "refuse")

        self._order(switch)

    def _order(self, action: Callable[[], None]) -> None:
        """Have the proxy's thread do something; return when it is done."""
        done: Future[None] = Future()
        self._orders.append((action, done))
        self._waker.send(b"!")
        done.result(TIMEOUT)

    def _run(self) -> None:
        while self._is_open:
            readable, writable = self._wait()
            for link in list(self._links):
                for receiver in writable & {link.client, link.server}:
                    if not link.is_closed:
                        link.write(receiver)
                for sender in readable & {link.client, link.server}:
                    if not link.is_closed:
                        link.read(sender)
                link.close_if_done()
            self._links = [link for link in self._links if not link.is_closed]
            if self._listener in readable:
                self._accept(self._listener)
            if self._woken in readable:
                self._follow_orders()

    def _wait(self) -> tuple[set[socket.socket], set[socket.socket]]:
        now = time.monotonic()
        readers = [self._woken, *([self._listener] if self._listener else [])]
        writers, pause = [], None
        for link in self._links:
            readers.extend(link.readers())
            for receiver, due in link.writers():
                if due <= now:
                    writers.append(receiver)
                else:
                    pause = min(due - now, pause or due - now)
        readable, writable, _ = select.select(readers, writers, [], pause)
        return set(readable), set(writable)

    def _follow_orders(self) -> None:
        self._woken.recv(1)
        action, done = self._orders.popleft()
        try:
            action()
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # the client has given up meanwhile
            return
        self.counters.connections += 1
        if self.faults.mode == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
            client.close()
            return
        try:
            server = None if self.faults.mode == "hang" else self._connect()
        except OSError:
            client.close()
            return
        for side in (client, server):
            if side is not None:
                side.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.append(Link(self.faults, client, server))

    def _connect(self) -> socket.socket:
        if isinstance(self._upstream, tuple):
            server = socket.create_connection(self._upstream, TIMEOUT)
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return server
        server = socket.socket(socket.AF_UNIX)
        server.settimeout(TIMEOUT)
        try:
            server.connect(self._upstream)
        except OSError:
            server.close()
            raise
        return server

    def _listen(self, wanted: bool) -> None:
        if wanted and self._listener is None:
            self._listener = _bind(self.port)
            self._listener.listen(128)
            self._listener.setblocking(False)
        elif not wanted and self._listener is not None:
            # A forked child may hold the listener too: shutdown ends it for all.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _close_links(self, *, reset: bool) -> None:
        for link in self._links:
            link.close(reset=reset)
        self._links = []

    def _stop(self) -> None:
        self._is_open = False
        self._listen(False)
        self._close_links(reset=False)


def _address(host: str, port: int) -> tuple[str, int] | str:
    if not host.startswith("/"):
        return host, port
    return str(Path(host) / f".s.PGSQL.{port}") if Path(host).is_dir() else host


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    bound.bind((HOST, port))
    return bound


@pytest.fixture
def proxy(database: str) -> Iterator[FaultProxy]:
    """A FaultProxy in front of the test database; `.conninfo` leads through it."""
    with FaultProxy.in_front_of(database) as opened:
        yield opened
