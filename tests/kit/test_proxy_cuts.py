"""The one-shot cuts of the FaultProxy, with every way in which a client can write."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest
from kit.proxy import FaultProxy
from kit.waiting import eventually
from psycopg.errors import error_from_result
from psycopg.generators import fetch
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

Connection = psycopg.Connection[tuple[object, ...]]
Write = Callable[[Connection], None]

INSERT = "insert into faults.logs values (%s, %s)"


@pytest.fixture
def direct(connection: Connection) -> Iterator[Connection]:
    """A connection past the proxy, with a table of this file's own."""
    drop = "drop schema if exists faults cascade"
    connection.execute(f"{drop}; create schema faults")
    connection.execute("create table faults.logs (id integer primary key, message text not null)")
    yield connection
    connection.execute(drop)


@pytest.fixture
def faulty(direct: Connection, proxy: FaultProxy) -> FaultProxy:
    """The proxy, after the table it will see written was made."""
    return proxy


@pytest.fixture
def client(faulty: FaultProxy) -> Iterator[Connection]:
    with contextlib.closing(connect(faulty)) as connection:
        yield connection


def connect(proxy: FaultProxy) -> Connection:
    return psycopg.connect(proxy.conninfo, autocommit=True, connect_timeout=10)


def rows(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute("select id, message from faults.logs order by id").fetchall()


def write_extended(connection: Connection) -> None:
    connection.execute(INSERT, (1, "one"))


def write_simple(connection: Connection) -> None:
    connection.execute("insert into faults.logs values (1, 'one')")


def write_prepared(connection: Connection) -> None:
    connection.execute(INSERT, (1, "one"), prepare=True)


def write_copy(connection: Connection) -> None:
    with connection.cursor().copy("copy faults.logs from stdin") as copy:
        copy.write(b"1\to")
        copy.write(b"ne\n")


def write_in_transaction(connection: Connection) -> None:
    with connection.transaction():
        connection.execute(INSERT, (1, "one"))
        connection.execute("select 1")


def write_copy_in_transaction(connection: Connection) -> None:
    with connection.transaction():
        write_copy(connection)


def write_copy_extended(connection: Connection) -> None:
    pgconn = connection.pgconn
    pgconn.send_query_params(b"copy faults.logs from stdin", None)
    fetch_result(connection)
    pgconn.put_copy_data(b"1\tone\n")
    pgconn.put_copy_end()
    while fetch_result(connection):
        pass


def write_in_pipeline(connection: Connection) -> None:
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    # The server still works on the first when the second passes, so two answers are due at once;
    # and the second takes its time, so a cut at the first answer would come before the commit.
    for sql in (
        b"select pg_sleep(0.1)",
        b"insert into faults.logs select 1, 'one' from pg_sleep(0.1)",
    ):
        pgconn.send_query_params(sql, None)
        pgconn.pipeline_sync()
    syncs = 0
    while syncs < 2:
        result = fetch_result(connection)
        syncs += result is not None and result.status == ExecStatus.PIPELINE_SYNC


def fetch_result(connection: Connection) -> PGresult | None:
    """Wait as psycopg does, without the GIL: the proxy's thread needs it to answer."""
    result: PGresult | None = connection.wait(fetch(connection.pgconn))
    if result is not None and result.status == ExecStatus.FATAL_ERROR:
        raise error_from_result(result)
    return result


every_way_to_write = pytest.mark.parametrize(
    "write",
    [
        write_extended,
        write_simple,
        write_prepared,
        write_copy,
        write_copy_extended,
        write_in_transaction,
        write_copy_in_transaction,
        write_in_pipeline,
    ],
)


@every_way_to_write
def test_cut_after_commit(
    faulty: FaultProxy, client: Connection, direct: Connection, write: Write
) -> None:
    """The row is there, the client got an error, and the next client is served as always."""
    faulty.cut_after_commit()

    with pytest.raises(psycopg.OperationalError):
        write(client)

    assert rows(direct) == [(1, "one")]
    assert (faulty.counters.cuts, faulty.open_connections) == (1, 0)
    with (
        contextlib.closing(connect(faulty)) as again,
        pytest.raises(psycopg.errors.UniqueViolation),
    ):
        write(again)


@every_way_to_write
def test_cut_before_commit(
    faulty: FaultProxy, client: Connection, direct: Connection, write: Write
) -> None:
    """The row is not there, the client got an error, and a second try succeeds."""
    faulty.cut_before_commit()

    with pytest.raises(psycopg.OperationalError):
        write(client)

    assert rows(direct) == []
    assert (faulty.counters.cuts, faulty.open_connections) == (1, 0)
    with contextlib.closing(connect(faulty)) as again:
        write(again)
    assert rows(direct) == [(1, "one")]


def test_an_earlier_copy_does_not_confuse_the_cut(
    faulty: FaultProxy, client: Connection, direct: Connection
) -> None:
    """The answers due are counted right although the server ignores a Sync during COPY."""
    write_copy_extended(client)
    direct.execute("truncate faults.logs")
    faulty.cut_after_commit()

    with pytest.raises(psycopg.OperationalError):
        write_copy_extended(client)

    assert rows(direct) == [(1, "one")]
    assert faulty.counters.cuts == 1


def test_cuts_happen_when_a_statement_was_prepared_before(
    faulty: FaultProxy, client: Connection, direct: Connection
) -> None:
    """A statement without its SQL on the wire is still recognised."""
    for number in (7, 8):
        client.execute(INSERT, (number, "before"), prepare=True)
    faulty.cut_after_commit()

    with pytest.raises(psycopg.OperationalError):
        client.execute(INSERT, (9, "cut"), prepare=True)

    assert rows(direct) == [(7, "before"), (8, "before"), (9, "cut")]


def test_other_statements_pass_an_armed_cut(faulty: FaultProxy, client: Connection) -> None:
    """Only a statement for which the predicate is true is cut."""
    faulty.cut_after_commit(lambda sql: "marker" in sql)

    write_extended(client)
    assert rows(client) == [(1, "one")]
    with pytest.raises(psycopg.OperationalError):
        client.execute("select 'marker'")


def test_a_failed_statement_does_not_use_up_the_cut(
    faulty: FaultProxy, client: Connection, direct: Connection
) -> None:
    """After an error or a rollback nothing was committed, so the cut waits for what will be."""
    direct.execute(INSERT, (1, "first"))
    faulty.cut_after_commit()

    for write in (write_extended, write_copy, write_in_transaction):
        with pytest.raises(psycopg.errors.UniqueViolation):
            write(client)
    with client.transaction(force_rollback=True):
        client.execute(INSERT, (2, "rolled back"))
    assert faulty.counters.cuts == 0
    with pytest.raises(psycopg.OperationalError):
        client.execute(INSERT, (3, "kept"))

    assert rows(direct) == [(1, "first"), (3, "kept")]


def test_a_cut_that_lost_its_server_waits_for_the_next(
    faulty: FaultProxy, client: Connection, direct: Connection
) -> None:
    """A server that dies during the statement leaves the cut armed, and the client its error."""
    faulty.cut_after_commit(lambda sql: "pg_terminate_backend" in sql)
    with pytest.raises(psycopg.errors.AdminShutdown):
        client.execute("select pg_terminate_backend(pg_backend_pid())")
    eventually(lambda: assert_equal(faulty.open_connections, 0))

    with contextlib.closing(connect(faulty)) as again, pytest.raises(psycopg.OperationalError):
        again.execute("select 'pg_terminate_backend'")
    assert faulty.counters.cuts == 1


def test_one_cut_cuts_one_of_two_clients(faulty: FaultProxy, direct: Connection) -> None:
    """A cut is one-shot across connections."""
    faulty.cut_after_commit()
    outcomes = []
    for number in (1, 2):
        with contextlib.closing(connect(faulty)) as client:
            try:
                client.execute(INSERT, (number, "row"))
                outcomes.append("answered")
            except psycopg.OperationalError:
                outcomes.append("cut")

    assert outcomes == ["cut", "answered"]
    assert rows(direct) == [(1, "row"), (2, "row")]


def assert_equal(seen: object, expected: object) -> None:
    assert seen == expected
