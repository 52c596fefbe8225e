"""The quick look and the patterns agree: what the look finds innocent, no pattern changes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.examples import examples
from kit.secret_corpus import LEAKS, LOOKALIKES

from runlog._entry.redaction import forms, issued, keys
from runlog._entry.redaction.look import looks
from runlog._entry.redaction.named import hide_named
from runlog._entry.redaction.redactor import Redactor
from runlog._entry.redaction.shape import by_shape, fold

REDACTOR = Redactor()


def redact_without_looking(text):
    """Every pattern, whether or not the text has a hint of it."""
    for form in forms.FORMS:
        text = re.sub(form.pattern, form.hide, text)
    for kind in issued.KINDS:
        hide = issued._hide_random if kind.is_loose else "[redacted]"
        text = re.sub(kind.pattern, hide, text)
    return hide_named(text, keys.judge_key)


HINTS = [hint for table in (forms.FORMS, issued.KINDS) for row in table for hint in row.hints]
PIECES = (
    st.sampled_from([*HINTS, *(hint.upper() for hint in HINTS)])
    | st.sampled_from([*keys.STEMS, "API key", "curl -u", "mysql -p", "sshpass -p", "-token"])
    | st.sampled_from([*LEAKS, *LOOKALIKES])
    | st.sampled_from("=:-_'\"\\/@ .,;&<>[](){}\n\t%~")
    | st.sampled_from(
        ["://", "</", "->", "--", " -", "%3D", "('", "', '", ".com/", "-p ", "==", "a:"]
    )
    | st.text("abcXYZ019", min_size=1, max_size=40)
    | st.text("0123456789abcdef", min_size=32, max_size=40)
)


@examples(6)
@given(st.lists(PIECES, min_size=1, max_size=8).map("".join))
def test_both_ways_agree(text):
    """With the looks and without them a text becomes the same."""
    assert REDACTOR.redact_text(text) == redact_without_looking(text)


@examples(10)
@given(st.lists(PIECES, min_size=1, max_size=8).map("".join))
def test_a_folded_text_is_no_less_suspicious(text):
    """A shape that is innocent has no text that is not: what a look is true for it is true for folded."""
    folded = looks(folded=True)
    for name, look in looks()._asdict().items():
        assert getattr(folded, name)(fold(text)) or not look(text), name


def test_what_is_remembered_of_shapes_is_bounded():
    """Texts of ever new shapes fill no memory, and a secret among them is still seen."""
    may_hold = by_shape(looks().any, looks(folded=True).any)
    (shapes,) = (
        kept for cell in may_hold.__closure__ if isinstance(kept := cell.cell_contents, dict)
    )
    for number in range(5000):
        assert not may_hold("x" * (number % 250) + "yz"[number % 2] * (number // 250))
        assert len(shapes) <= 2048
    assert all(may_hold(f"password: {number}") for number in range(10))
    assert may_hold("\ud800 password: x")


@examples(3)
@given(st.text(st.characters(codec=None)))
def test_any_text_is_the_same_both_ways(text):
    """The same for text of any letters, in any script."""
    assert REDACTOR.redact_text(text) == redact_without_looking(text)


@pytest.mark.parametrize("kind", issued.KINDS, ids=lambda kind: kind.hints[0])
def test_the_look_sees_every_issued_key(kind):
    """Whatever matches the pattern of a kind, after any beginning of it, is seen."""

    @settings(max_examples=10, database=None)
    @given(st.from_regex(re.compile(kind.rest, re.ASCII)))
    def see(rest):
        for text in (hint + rest for hint in kind.hints):
            if re.search(kind.pattern, text):
                assert looks().any(text)
                assert looks().forms(text)
                assert looks(folded=True).any(fold(text))

    see()


def test_every_secret_name_has_a_stem():
    """No word, ending or phrase of the table is missed by the look at names."""
    named = {
        *keys._STRONG_WORDS,
        *keys._WEAK_WORDS,
        *keys._STRONG_ENDINGS,
        *keys._WEAK_ENDINGS,
        *keys._ALONE,
        *("".join(phrase) for phrase in keys._PHRASES),
        *(f"{owner}_key" for owner in keys._KEY_OWNERS),
    }
    assert not [name for name in named if not any(stem in name for stem in keys.STEMS)]


def test_a_pattern_is_compiled_when_it_is_needed():
    """Importing the room compiles no pattern of an issued key: a script that logs none pays none."""
    issued._compiled.cache_clear()
    assert not looks().any("Fetched 150 contacts from page 3 of ASIAN markets")
    assert issued._compiled.cache_info().currsize <= 1
