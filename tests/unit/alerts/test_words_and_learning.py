"""Neutral text, cutting, and schedules learnt from starts."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlog.alerts._learn import infer
from runlog.alerts._neutral import cut, neutral, one_line
from runlog.alerts._wording import span_of

HOSTILE = (
    "@everyone", "@here", "<!channel>", "<@U123>", "<#C1>", "<users/all>", "<b>x</b>", "[a](http://x)",
    "```code```", "\x1b[31mred", "\x07", "\u202eevil", "<https://evil|ok>", "@channel", "\x9b2J", "a\x00b",
)  # fmt: skip
ACTS = re.compile(
    r"@\w|<[!@#:&/a-zA-Z0-9]|\]\(|```|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing(text):
    """No service finds a mention, a link, a tag or a control character in it."""
    assert ACTS.search(text)
    assert not ACTS.search(neutral(f"before {text} after"))


@given(st.text())
def test_neutral_text_is_neutral(text):
    """Whatever it was; and what was harmless stays as it is."""
    assert not ACTS.search(neutral(text))
    if text.isalnum() and text.isascii():
        assert neutral(text) == text


@given(st.text(min_size=1), st.integers(1, 200))
def test_cut_text_fits(text, limit):
    """Never longer than the limit; whole when it fits."""
    assert len(cut(text, limit)) <= limit
    assert cut(text, len(text)) == text
    assert len(one_line(text, limit)) <= limit


def test_spans_in_two_units():
    """Days and hours, hours and minutes, no more."""
    seconds = (0, 59, 61, 3 * 3600 + 12 * 60 + 5, 90061)
    told = [span_of(timedelta(seconds=each)) for each in seconds]
    assert told == ["0 s", "59 s", "1 min 1 s", "3 h 12 min", "1 d 1 h"]


def starts(step, count, jitter=20.0, begin=datetime(2026, 1, 5, 2, 30, tzinfo=UTC), keep=1.0):
    chance = random.Random(count)
    moments = (begin + number * step for number in range(count))
    return [
        m + timedelta(seconds=chance.uniform(0, jitter)) for m in moments if chance.random() < keep
    ]


@pytest.mark.parametrize(
    ("step", "schedule"),
    [
        (timedelta(minutes=15), "*/15 * * * *"), (timedelta(minutes=5), "*/5 * * * *"),
        (timedelta(hours=1), "30 * * * *"), (timedelta(hours=2), "30 */2 * * *"),
        (timedelta(days=1), "30 2 * * *"), (timedelta(days=7), "30 2 * * 1"),
    ],
)  # fmt: skip
def test_a_schedule_is_learnt(step, schedule):
    """Also with a few starts that are lost."""
    found = infer(starts(step, 100, keep=0.97), "UTC")
    assert found is not None
    assert found.schedule == schedule
    assert found.score >= 0.9


def test_working_days_are_learnt():
    """A week has two days without a start."""
    moments = [m for m in starts(timedelta(days=1), 60) if m.isoweekday() < 6]
    found = infer(moments, "UTC")
    assert found is not None
    assert found.schedule == "30 2 * * 1-5"


@pytest.mark.parametrize("jitter", [90 * 60.0, 12 * 3600.0])
def test_what_has_no_schedule_is_refused(jitter):
    """Starts of GitHub's scheduler, or by hand: no guess."""
    assert infer(starts(timedelta(days=1), 60, jitter), "UTC") is None
    assert infer([], "UTC") is None
