"""What is cut out of a stream of bytes: whole letters, without what only a terminal obeys."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runlog._exec.escapes import safe_cut, without_escapes
from runlog._exec.relay import _LONGEST_LINE_BYTES, Stream

SEQUENCES = {
    "colour": "\x1b[1;31m",
    "colour with colons": "\x1b[38:2::255:0:0m",
    "reset by tput": "\x1b(B\x1b[m",
    "private mode": "\x1b[?25l",
    "cursor style": "\x1b[2 q",
    "title": "\x1b]0;a job\x07",
    "link": "\x1b]8;;http://x\x1b\\",
    "device control": "\x1bP$q m\x1b\\",
    "save and restore": "\x1b7\x1b8",
    "keypad": "\x1b=\x1b>",
    "full reset": "\x1bc",
    "single byte csi": "\x9b31m",
}


@pytest.fixture
def recorded(tmp_path):
    """A function that passes chunks through a stream and returns the messages recorded."""

    def run(*chunks):
        lines = []
        target = os.open(os.devnull, os.O_WRONLY)
        stream = Stream(-1, target, lines.append)
        try:
            for chunk in chunks:
                stream._split(chunk)
            stream.finish()
        finally:
            os.close(target)
        return lines

    return run


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_what_a_terminal_obeys_is_no_text(recorded, sequence):
    """The whole grammar of ECMA-48, and a level behind it is a level."""
    (line,) = recorded(f"{sequence}ERROR: {sequence}no such customer\n".encode())
    assert (line.levelno, line.message) == (40, "no such customer")


def test_a_sequence_without_an_end_stays():
    """What is no whole sequence is shown, not swallowed with the text behind it."""
    assert without_escapes("a \x1b]0;title and all the rest") == "a \x1b]0;title and all the rest"


@pytest.mark.parametrize("letter", ["é", "€", "😀", "\x1b[1;38:5:208mx", "\x1b]8;;x\x1b\\x"])
@pytest.mark.parametrize("shift", range(12))
def test_an_endless_line_is_cut_between_letters(recorded, letter, shift):
    """Its entries together hold the line, wherever the pipe cut it."""
    content = b"." * shift + letter.encode() * (3 * _LONGEST_LINE_BYTES // len(letter.encode()))
    size = 2**16
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    lines = recorded(*chunks)
    assert len(lines) > 1
    assert "".join(line.message for line in lines) == without_escapes(content.decode())


@given(st.text(), st.integers(0, 40))
@example("a\x1b]0;t\x1b\\", 0)
def test_nothing_is_cut_in_the_middle(text, cut_off):
    """What is in front of the cut is whole text; at most one letter or sequence lies behind it."""
    content = text.encode()[: max(0, len(text.encode()) - cut_off)]
    cut = safe_cut(content)
    assert 0 <= len(content) - cut <= 256
    content[:cut].decode()


def test_bytes_that_are_no_text_are_not_held_back():
    """A stream of continuation bytes, or of leads, goes on."""
    for content in (b"\x80" * 100, b"\xff" * 100, b"\xc3\xa9" * 50, b""):
        assert safe_cut(content) >= len(content) - 1
