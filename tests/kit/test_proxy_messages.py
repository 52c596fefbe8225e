"""What the FaultProxy understands of the PostgreSQL protocol."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.proxy import is_change
from kit.proxy_messages import MessageStream, Statements, says_not_committed


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("insert into logs (id) values ($1)", True),
        ('INSERT INTO "app"."logs" select 1', True),
        ("copy app.logs (id) from stdin", True),
        ("with x as (select 1)\ninsert into\npublic.logs select 1 from x", True),
        ("select * from logs", False),
        ("insert into runs values ($1)", False),
        ("copy public.logs_archive from stdin", False),
        ("update public.runs set status = 'success'", False),
    ],
)
def test_recognises_a_change_of_logs(sql: str, expected: bool) -> None:
    """By default a cut waits for an insert or copy into `logs`."""
    assert is_change(sql) is expected


@given(st.lists(st.binary(max_size=30), max_size=8), st.data())
def test_finds_message_borders_however_bytes_arrive(
    bodies: list[bytes], data: st.DataObject
) -> None:
    """Messages come out as they went in, whatever the network makes of them."""
    messages = [b"d" + struct.pack("!i", len(body) + 4) + body for body in bodies]
    stream, out, wire = MessageStream(is_typed=True), [], b"".join(messages)
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        stream.feed(wire[:size])
        wire = wire[size:]
        while message := stream.take():
            out.append(message)

    assert out == messages


def test_follows_a_statement_through_parse_bind_and_execute() -> None:
    """The SQL of an Execute is that of the statement its portal was bound to."""
    statements = Statements()
    parse, bind, execute = (
        b"P....name\0select 1\0\0\0",
        b"B....portal\0name\0\0\0\0\0\0\0",
        b"E....portal\0\0\0\0\0",
    )

    assert [statements.sql_of(it) for it in (parse, bind, execute)] == ["select 1"] * 3
    assert statements.sql_of(b"E....other\0\0\0\0\0") == ""
    assert statements.sql_of(b"d....insert into logs") == ""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"C....COMMIT\0", False),
        (b"C....INSERT 0 1\0", False),
        (b"C....ROLLBACK\0", True),
        (b"E....SERROR\0\0", True),
        (b"Z....I", False),
    ],
)
def test_tells_a_failure_from_a_commit(answer: bytes, expected: bool) -> None:
    """An error and a rollback are the answers after which nothing was committed."""
    assert says_not_committed(answer) is expected
