"""COPY text: what was escaped comes back, and damage stays in its own line."""

import json

from hypothesis import given
from hypothesis import strategies as st

from runlog._entry.copy_text import CANCEL, count_newlines, decode_lines, escape

ROW = ["id", "run", "time", "INFO", "LOG", "message", "{}"]
storable_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
rows = st.lists(st.lists(storable_texts, min_size=7, max_size=7), max_size=5)


def line_of(row):
    return "\t".join(map(escape, row)).encode() + b"\n"


@given(rows, st.booleans())
def test_rows_come_back(rows, one_by_one):
    """Any storable text in any field is decoded to itself, in the quick way and the careful one."""
    rows = [[*row[:6], row[6] + "}"] for row in rows]
    block = b"".join(map(line_of, rows))
    assert decode_lines(block + (CANCEL if one_by_one else b"")) == (rows, [])


@given(storable_texts)
def test_an_escaped_field_is_one_field_of_one_line(text):
    """An escaped text holds nothing that ends a field or a line, or the data."""
    escaped = escape(text)
    assert not set("\t\n\r") & set(escaped)
    assert escaped.replace("\\\\", "").count("\\") == sum(map(text.count, "\t\n\r"))


def test_blank_and_cancelled_lines_are_skipped():
    """A torn write that was cancelled leaves nothing, its neighbours stay."""
    block = line_of(ROW) + b"id\trun\tti" + CANCEL + b"\n" + CANCEL + line_of(ROW) + b"\n"
    assert decode_lines(block) == ([ROW, ROW], [])


def test_damaged_lines_are_handed_out_as_they_are():
    """A line with too few fields, too many, bad UTF-8 or a NUL is damaged; the others are rows."""
    damaged = [
        b"a\tb",
        line_of(ROW)[:-1] + b"\tmore",
        b"\xff".join([line_of(ROW)[:-1], b""]),
        line_of(ROW)[:-1] + b"\0",
    ]
    block = line_of(ROW) + b"\n".join(damaged) + b"\n" + line_of(ROW)
    assert decode_lines(block) == ([ROW, ROW], damaged)
    for line in damaged:
        assert decode_lines(line + b"\n") == ([], [line])


def test_a_cancel_sign_inside_a_message_is_text():
    """Only at the end of its line does the sign cancel."""
    row = [*ROW[:5], "a\x18\x18b\x18", "{}"]
    assert decode_lines(line_of(row)) == ([row], [])


def test_separators_of_unicode_are_text():
    """Nothing but a newline ends a line."""
    row = [*ROW[:5], "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b", "{}"]
    assert decode_lines(line_of(row)) == ([row], [])


entries = st.tuples(
    st.uuids().map(str),
    *[storable_texts] * 5,
    storable_texts.map(lambda text: json.dumps({"m": text})),
).map(list)


@given(st.lists(st.tuples(entries, st.floats(0, 1, exclude_max=True)), max_size=3), entries, rows)
def test_a_row_that_ran_into_what_was_torn_is_a_row(torn, row, neighbours):
    """Whatever stands of the lines before it on its line, as bytes of any number, is left out."""
    lines = [(line_of(it)[:-1], share) for it, share in torn]
    left = b"".join(line[: int(share * len(line))] for line, share in lines)
    neighbours = [[*it[:6], it[6] + "}"] for it in neighbours]
    block = b"".join(map(line_of, neighbours))
    assert decode_lines(block + left + line_of(row) + block) == (
        [*neighbours, row, *neighbours],
        [],
    )


@given(st.lists(entries, min_size=2, max_size=5))
def test_rows_without_an_end_are_all_there(rows):
    """Of whole rows on one line none is left out."""
    assert decode_lines(b"".join(line_of(it)[:-1] for it in rows) + b"\n") == (rows, [])


def test_an_empty_block_has_no_rows():
    """Nothing in, nothing out."""
    assert decode_lines(b"") == ([], [])


@given(st.lists(st.sampled_from([b"\n", b"\r", b"line", b"\\n", b"\x18", b"\0"])).map(b"".join))
def test_newlines_are_counted(block):
    """Each newline counts, whatever stands around it."""
    assert count_newlines(block) == block.count(b"\n")
