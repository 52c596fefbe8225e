"""Entries too large: cut to what is allowed, head and tail kept, their full size told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import odd_values

from runlog._entry.copy_text import decode_lines
from runlog._entry.encoder import Encoder
from runlog._entry.redaction.redactor import Redactor
from runlog.errors import SettingError

RUN = "01930000-0000-7000-8000-000000000001"
CREATED = 1_763_923_412.123456
ENCODER = Encoder(redactor=Redactor())
SMALL = Encoder(redactor=Redactor(), max_entry_bytes=4096)


@given(**odd_values.any_call)
def test_any_call_fits(**call):
    """No line is longer than allowed."""
    line = SMALL.encode(RUN, *call.values())
    assert len(line) <= 4096
    assert len(decode_lines(line)[0]) == 1


@pytest.mark.parametrize("size", [100, 300_000, 1_000_000])
@pytest.mark.parametrize("unit", ["a", "\\", "\n", "é", "😀", "\0"])
def test_huge_messages_keep_head_and_tail(size, unit):
    """A message beyond the limit is cut to it, with its full size told."""
    line = ENCODER.encode(RUN, CREATED, 20, "INFO", "LOG", "head" + unit * size + "tail", {"a": 1})
    message = decode_lines(line)[0][0][5]
    assert (message[:4], message[-4:]) == ("head", "tail")
    assert len(line) <= 262_144
    if size * len(unit.encode()) > 262_144:
        assert "…[cut; " in message
        assert len(line) > 180_000, "as much as fits is kept"


def test_the_full_size_is_told_even_when_cut_twice():
    """The marker names the length of the text that was handed in."""
    meta = {"y": "y" * 2_000_000}
    line = ENCODER.encode(RUN, CREATED, 20, "INFO", "LOG", "x" * 1_000_000, meta)
    row = decode_lines(line)[0][0]
    assert "…[cut; 1000000 characters in all]…" in row[5]
    assert "…[cut; 2000000 characters in all]…" in json.loads(row[6])["y"]


@given(st.integers(0, 5000), st.integers(0, 5000), st.sampled_from('a\\\n\x01é😀"'))
def test_large_entries_fit_exactly(message_size, value_size, unit):
    """Whatever is large, the line fits, and small parts stay whole."""
    meta = {"small": 1, "large": unit * value_size}
    line = SMALL.encode(RUN, CREATED, 20, "INFO", "LOG", unit * message_size, meta)
    assert len(line) <= 4096
    row = decode_lines(line)[0][0]
    assert json.loads(row[6])["small"] == 1
    if message_size < 100:
        assert row[5] == unit * message_size


@pytest.mark.parametrize(
    "meta",
    [
        {str(n): n for n in range(9000)},
        {"rows": [{"id": n, "name": "x" * 50} for n in range(3000)]},
        {"k" * 5000: 1},
        {f"{n}" * 3000: "v" for n in range(9)},
        {"deep": odd_values.deep()},
        {str(n): "\x01" * 70 for n in range(500)},
    ],
    ids=["keys", "rows", "long key", "long keys", "deep", "escapes"],
)
def test_large_meta_fits(meta):
    """Meta of any shape is cut to what is allowed, and stays an object."""
    line = SMALL.encode(RUN, CREATED, 20, "INFO", "LOG", "kept", meta)
    assert len(line) <= 4096
    row = decode_lines(line)[0][0]
    assert row[5] == "kept"
    assert type(json.loads(row[6])) is dict


def test_a_limit_that_no_entry_fits_is_refused():
    """A limit too small is an error of the setting."""
    with pytest.raises(SettingError, match="max_entry_bytes is 100"):
        Encoder(redactor=Redactor(), max_entry_bytes=100)
