"""PostgreSQL takes every line of the encoder, in both lanes, and gives back what was in it."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import odd_values

from runlog._entry.copy_text import decode_lines
from runlog._entry.encoder import COLUMNS, Encoder
from runlog._entry.ids import new_id
from runlog._entry.redaction.redactor import Redactor

COPY = f"copy public.logs ({', '.join(COLUMNS)}) from stdin"
INSERT = f"""
    insert into public.logs ({", ".join(COLUMNS)})
    select * from unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[],
                         %s::text[], %s::jsonb[])
    on conflict do nothing"""
SELECT = """
    select id::text, run_id::text,
           to_char(timestamp at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00',
           level, step, message, meta::text
    from public.logs order by id"""

calls = st.lists(
    st.tuples(
        st.one_of(st.floats(), st.floats(0, 4e9)),
        st.integers(0, 60),
        st.sampled_from(["INFO", "NOTICE", None]),
        odd_values.values,
        odd_values.values,
        odd_values.metas,
    ),
    min_size=1,
    max_size=8,
)
ENCODERS = [
    Encoder(redactor=Redactor()),
    Encoder(redactor=Redactor(enabled=False)),
    Encoder(redactor=Redactor(), max_entry_bytes=4096),
]


@pytest.fixture
def run_id(connection):
    run_id = new_id()
    connection.execute(
        "insert into public.runs (id, script_name, status) values (%s, 'storable', 'running')",
        [run_id],
    )
    return run_id


def told(rows):
    """Rows with meta as what it says, for jsonb orders keys and spells numbers in its own way."""
    return [[*row[:6], json.loads(row[6], parse_float=Decimal, parse_int=Decimal)] for row in rows]


def stored(connection):
    return told(connection.execute(SELECT).fetchall())


def copy_lines(connection, block):
    with connection.cursor().copy(COPY) as copy:
        copy.write(block)


@settings(max_examples=40)
@given(calls=calls, encoder=st.sampled_from(ENCODERS))
def test_every_entry_is_stored_in_both_lanes(connection, run_id, calls, encoder):
    """COPY of the bytes and INSERT of the decoded rows both store every entry, the same."""
    connection.execute("truncate public.logs")
    block = b"".join(encoder.encode(run_id, *call) for call in calls)
    rows, damaged = decode_lines(block)
    assert (len(rows), damaged) == (len(calls), [])
    expected = told(rows)

    copy_lines(connection, block)
    assert stored(connection) == expected

    connection.execute("truncate public.logs")
    connection.execute(INSERT, [list(column) for column in zip(*rows, strict=True)])
    assert stored(connection) == expected


def test_the_largest_entry_is_stored(connection, run_id):
    """A line at the limit is taken as well."""
    line = ENCODERS[0].encode(
        run_id, 1e9, 20, "INFO", "LOG", "é" * 10**6, {"a": "\\" * 10**6, "b": list(range(10**5))}
    )
    copy_lines(connection, line)
    assert stored(connection) == told(decode_lines(line)[0])


def test_a_line_that_ends_the_data_does_not(connection, run_id):
    r"""Neither ``\.`` nor ``\N`` in a field means anything to COPY."""
    texts = ["\\.", "\\N", "\\", "\n\\.\n", "\r\n", "a\tb", "\x08\x0b\x0c\x18\x7f\x1a", "\ufeff"]
    block = b"".join(
        ENCODERS[0].encode(run_id, 1e9, 20, "INFO", text, text, {text: text}) for text in texts
    )
    copy_lines(connection, block)
    assert [row[5] for row in stored(connection)] == texts
    assert [row[6] for row in stored(connection)] == [{text: text} for text in texts]
