"""The FaultProxy forwards, refuses, hangs, resets and slows, against a real PostgreSQL."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from kit.proxy import FaultProxy
from kit.waiting import eventually
from psycopg.generators import fetch

Connection = psycopg.Connection[tuple[object, ...]]

INSERT = "insert into runs (script_name, status, error_message) values (%s, 'running', %s)"


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[Connection]:
    with contextlib.closing(connect(proxy)) as connection:
        yield connection


def connect(proxy: FaultProxy) -> Connection:
    return psycopg.connect(proxy.conninfo, autocommit=True, connect_timeout=10)


def send_insert(connection: Connection) -> None:
    """Send without waiting for the answer, which may never come."""
    connection.pgconn.send_query(b"insert into runs (script_name, status) values ('a', 'running')")


def rows(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select script_name, error_message from runs order by script_name"
    ).fetchall()


def test_forwards_everything_both_ways(client: Connection, connection: Connection) -> None:
    """Without a fault a client sees what it would see without the proxy, large values too."""
    large = "x" * 6_000_000
    client.execute(INSERT, ("a", large))

    assert rows(client) == rows(connection) == [("a", large)]


def test_the_fixture_leads_to_the_test_database(proxy: FaultProxy, database: str) -> None:
    """`proxy.conninfo` and `database` are two ways to one database."""
    question = "select current_database()"
    with psycopg.connect(database) as one, psycopg.connect(proxy.conninfo) as other:
        assert one.execute(question).fetchone() == other.execute(question).fetchone()
    assert proxy.counters.connections == 1


def test_counts_connections_statements_and_bytes(proxy: FaultProxy, client: Connection) -> None:
    """A test can tell how often and how much a client talked."""
    before = proxy.counters.bytes_to_server, proxy.counters.bytes_to_client
    client.execute("select repeat('y', 1000)")
    client.execute("select %s", ("x" * 2000,))
    after = proxy.counters.bytes_to_server, proxy.counters.bytes_to_client

    assert (proxy.counters.connections, proxy.counters.statements) == (1, 2)
    assert after[0] - before[0] > 2000
    assert after[1] - before[1] > 3000


def test_refuses_until_it_forwards_again(proxy: FaultProxy, client: Connection) -> None:
    """Refusing ends what is open; the same port works again afterwards."""
    proxy.refuse()

    with pytest.raises(psycopg.OperationalError):
        client.execute("select 1")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port))
    proxy.forward()
    with connect(proxy) as again:
        assert rows(again) == []


def test_resets_existing_and_new_connections(proxy: FaultProxy) -> None:
    """A reset is an RST: the client reads ECONNRESET, not an orderly end."""
    with socket.create_connection(("127.0.0.1", proxy.port)) as existing:
        eventually(lambda: assert_equal(proxy.open_connections, 1))
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            existing.recv(1)
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", proxy.port)) as new,
    ):
        new.recv(1)
    assert proxy.counters.connections == 2


def test_hangs_existing_connections(
    proxy: FaultProxy, client: Connection, connection: Connection
) -> None:
    """Nothing passes any more, not even after the network is well again."""
    proxy.hang()
    heard = proxy.counters.bytes_to_client
    link = proxy._links[0]
    send_insert(client)
    eventually(lambda: assert_equal(link._requests_lost, True))
    proxy.forward()
    client.close()
    eventually(lambda: assert_equal(proxy.open_connections, 0))

    assert proxy.counters.bytes_to_client == heard
    assert rows(connection) == []


def test_hangs_new_connections(proxy: FaultProxy) -> None:
    """A new connection is accepted and read, never answered, and stays so."""
    proxy.hang()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        eventually(lambda: assert_equal(proxy.open_connections, 1))
        proxy.forward()
        client.sendall(ssl_request())
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert proxy.counters.bytes_to_server == 0
    with connect(proxy) as other:
        assert rows(other) == []


def test_half_open_loses_only_answers(
    proxy: FaultProxy, client: Connection, connection: Connection
) -> None:
    """The server hears the client and commits; the client hears nothing."""
    proxy.half_open()
    heard = proxy.counters.bytes_to_client
    send_insert(client)

    eventually(lambda: assert_equal(rows(connection), [("a", None)]))
    client.close()
    eventually(lambda: assert_equal(proxy.open_connections, 0))
    assert proxy.counters.bytes_to_client == heard


def test_slow_delays_and_keeps_the_order(proxy: FaultProxy, client: Connection) -> None:
    """Latency changes when bytes arrive, never which."""
    proxy.slow(0.02)
    for number in range(3):
        client.execute(INSERT, (str(number), "x" * 400_000))
    assert [row[0] for row in rows(client)] == ["0", "1", "2"]


def test_slow_holds_bytes_back(
    proxy: FaultProxy, client: Connection, connection: Connection
) -> None:
    """What a slow link holds reaches nobody before its time, and is lost when it hangs."""
    proxy.slow(3600)
    send_insert(client)
    link = proxy._links[0]
    eventually(lambda: assert_equal(link.to_server.size > 0, True))
    proxy.hang()

    assert link.to_server.size == 0
    assert rows(connection) == []


def test_a_cancel_request_passes(client: Connection, connection: Connection) -> None:
    """A client that cancels its statement through the proxy gets it cancelled."""
    waits_for = "select wait_event from pg_stat_activity where pid = %s"
    client.pgconn.send_query(b"select pg_sleep(600)")

    def sleeps() -> None:
        # PostgreSQL ignores a cancel request that comes before the statement runs.
        event = connection.execute(waits_for, [client.info.backend_pid]).fetchone()
        assert event == ("PgSleep",)

    eventually(sleeps)
    client.cancel_safe(timeout=10)

    # Not get_result: it keeps the GIL while it waits, and the proxy's thread needs it.
    result = client.wait(fetch(client.pgconn))
    assert result is not None
    assert b"canceling statement" in result.error_message


@pytest.mark.parametrize(("answer", "is_opaque"), [(b"N", False), (b"S", True)])
def test_a_unix_socket_and_encryption(tmp_path: Path, answer: bytes, is_opaque: bool) -> None:
    """An upstream can be a socket's path, and what is encrypted passes unread."""
    encrypted = b"\x16\x03\x01 no message border in here"
    with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as stack:
        server.bind(str(tmp_path / ".s.PGSQL.5432"))
        server.listen()
        proxy = stack.enter_context(FaultProxy(str(tmp_path)))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
        accepted = stack.enter_context(server.accept()[0])
        for side in (client, accepted):
            side.settimeout(10)
        client.sendall(ssl_request())
        assert accepted.recv(100) == ssl_request()
        accepted.sendall(answer)
        assert client.recv(1) == answer
        following = encrypted if is_opaque else startup()
        client.sendall(following)
        assert accepted.recv(100) == following


def test_a_client_is_closed_when_there_is_no_server(tmp_path: Path) -> None:
    """A dead upstream is a closed connection, and the proxy lives on."""
    with FaultProxy(str(tmp_path)) as proxy:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", proxy.port)) as client:
                client.settimeout(10)
                assert client.recv(1) == b""
        assert proxy.counters.connections == 2


def test_close_leaves_nothing_behind(proxy: FaultProxy, client: Connection) -> None:
    """After close there is no thread and no listener; closing twice is fine."""
    proxy.close()
    proxy.close()

    assert proxy._thread not in threading.enumerate()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port))
    with pytest.raises(psycopg.OperationalError):
        client.execute("select 1")


def assert_equal(seen: object, expected: object) -> None:
    assert seen == expected


def ssl_request() -> bytes:
    return struct.pack("!ii", 8, 80877103)


def startup() -> bytes:
    return struct.pack("!ii", 18, 196608) + b"user\0me\0\0\0"
