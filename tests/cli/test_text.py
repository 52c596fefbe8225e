"""Values as people read them, and that no text can drive a terminal."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog import _readable as _text
from runlog._process.visible import visible
from runlog.cli._times import span
from runlog.cli.show.output import to_json
from runlog.cli.show.statistics import bar, chart

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OBEYED = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u202e\u2066\u200f\u2028\ud800"}


@pytest.mark.guarantee("secrets")
@given(st.text(st.one_of(st.sampled_from(sorted(OBEYED)), st.characters())))
def test_visible_text_holds_nothing_that_is_obeyed(text):
    """Whatever the text, what is shown has no control character, and plain text is unchanged."""
    shown = visible(text)
    assert OBEYED.isdisjoint(shown)
    if OBEYED.isdisjoint(text) and shown != text:
        assert any(ord(character) > 0x600 for character in text)


@pytest.mark.guarantee("secrets")
@given(
    st.recursive(
        st.text() | st.integers(), lambda it: st.lists(it) | st.dictionaries(st.text(), it)
    )
)
def test_json_means_the_same_and_holds_nothing_that_is_obeyed(value):
    """JSON keeps every value through escapes, and nothing in it drives a terminal."""
    document = to_json(value)
    assert OBEYED.isdisjoint(document)
    assert json.loads(document) == value


@pytest.mark.guarantee("secrets")
def test_escapes_are_shown_by_their_code():
    """An escape sequence is shown, a line feed as people write it."""
    assert visible("\x1b[31mred\x9b0m\n\t") == "\\x1b[31mred\\x9b0m\\n\\t"
    assert visible("a\nb\x00", keep="\n") == "a\nb\\x00"
    assert visible("\u202egnp.exe") == "\\u202egnp.exe"
    assert visible(None) == ""


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (None, ""),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (59_940, "59.9 s"),
        (60_000, "1 min 0 s"),
        (3_599_000, "59 min 59 s"),
        (3_600_000, "1 h 0 min"),
        (47 * 3_600_000, "47 h 0 min"),
        (48 * 3_600_000, "2 d 0 h"),
        (2**31 - 1, "24 d 20 h"),
    ],
)
def test_duration_in_the_units_that_fit(milliseconds, said):
    """A span is told in one or two units."""
    assert _text.duration(milliseconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7200, "2 h ago"), (90000, "1 d ago")],
)
def test_how_long_ago(seconds, said):
    """The past is told in its largest unit, the future as what it is, nothing as nothing."""
    assert _text.ago(NOW - timedelta(seconds=seconds), NOW) == said
    assert _text.ago(NOW + timedelta(seconds=1), NOW) == "in the future"
    assert _text.ago(None, NOW) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, ""), (1234567, "1,234,567"), (Decimal(100), "100"), (Decimal("0.0500"), "0.05"),
     (Decimal("1E+2"), "100"), (12.345, "12.3")],
)  # fmt: skip
def test_numbers(value, said):
    """Numbers have their thousands apart and no zeros without meaning."""
    assert _text.number(value) == said


@pytest.mark.parametrize(
    ("part", "said"), [(1, "100 %"), (0.9999, "99 %"), (0.5, "50 %"), (0.001, "<1 %"), (0, "0 %")]
)
def test_shares_do_not_round_failures_away(part, said):
    """100 % is told only when it is all, and 0 % only when it is nothing."""
    assert _text.share(part) == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("24h", timedelta(hours=24)),
        ("1d12h", timedelta(hours=36)),
        ("1.5h", timedelta(minutes=90)),
        ("2 w", timedelta(weeks=2)),
        ("30min", timedelta(minutes=30)),
        ("5", None),
        ("h", None),
        ("2026-01-31", None),
        ("1d of", None),
        ("1 hour ago", timedelta(hours=1)),
        ("5 minutes", timedelta(minutes=5)),
        ("1 day, 12 hours ago", timedelta(hours=36)),
        ("24H", timedelta(hours=24)),
        ("0h", timedelta()),
        ("-5h", None),
        ("", None),
    ],
)
def test_spans_are_read(text, expected):
    """Numbers with units are spans; anything else is none."""
    assert span(text) == expected


def test_a_span_over_a_century_is_refused():
    """A span that no clock can go back is an error and no overflow."""
    with pytest.raises(ValueError, match="longer than a century"):
        span("99999999999d")


def test_charts_grow_with_their_values():
    """The highest value is full, a missing one is a gap, nothing at all is nothing."""
    assert chart([1, None, 8]) == "▂ █"
    assert chart([]) == chart([None, 0]) == ""
    assert bar(5, 10) == "█" * 10
    assert bar(0.001, 10) == "█"
    assert bar(None, 10) == bar(0, 10) == bar(3, 0) == ""
