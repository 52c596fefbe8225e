"""Any value → JSON that jsonb accepts: nothing raises, nothing is lost without a mark."""

import datetime as dt
import json
import threading
from collections import deque

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import odd_values
from kit.secret_corpus import HARMLESS_META

from runlog._entry import jsonable as _jsonable
from runlog._entry.json_writer import JsonWriter
from runlog._entry.jsonable import jsonable
from runlog._entry.redaction.redactor import Redactor

REDACTOR = Redactor()
WRITER = JsonWriter(REDACTOR)


def told(value, **options):
    return jsonable(value, REDACTOR, **options)


def is_storable(value):
    """Say whether JSON and jsonb take the value as it is."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text.encode()
    return "\\u0000" not in text.replace("\\\\", "")


@given(odd_values.values)
def test_any_value_becomes_storable(value):
    """Whatever the value, the result is plain, storable, and encodes."""
    assert is_storable(told(value))
    assert orjson.loads(WRITER.dumps(value)) == orjson.loads(orjson.dumps(told(value)))


@given(st.one_of(odd_values.metas, odd_values.values))
def test_the_two_ways_agree(value):
    """The fast way writes, byte for byte, what the careful way writes."""
    assert JsonWriter(REDACTOR).dumps(value) == JsonWriter(REDACTOR).dumps_carefully(value)


@given(st.dictionaries(odd_values.keys, odd_values.plain_values, max_size=5))
def test_the_two_ways_agree_on_plain_values(meta):
    """They agree with what the writer remembers of earlier keys too."""
    assert WRITER.dumps(meta) == WRITER.dumps_carefully(meta)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(0, 9)))
def test_plain_meta_comes_back(meta):
    """Plain keys and numbers are unchanged, in their order."""
    writer = JsonWriter(Redactor(enabled=False))
    clean = {key.replace("\0", "\\x00"): value for key, value in meta.items()}
    if len(clean) == len(meta):
        assert list(orjson.loads(writer.dumps(meta)).items()) == list(clean.items())


def test_keys_that_are_no_text_become_text():
    """Keys are spelled as JSON spells the value."""
    value = {7: "a", None: "b", True: "c", 2.5: "d", dt.date(2025, 1, 2): "e", (1, 2): "f"}
    assert told({"a": value}) == {
        "a": {"7": "a", "null": "b", "true": "c", "2.5": "d", "2025-01-02": "e", "(1, 2)": "f"}
    }


def test_keys_that_collide_keep_both_values():
    """A key whose text is taken gets the name of its type, or a number."""
    value = {"1": "text", 1: "int", "1 (int)": "third", "a\0": 1, "a\\x00": 2}
    assert told(value) == {
        "1": "text",
        "1 (int)": "int",
        "1 (int) #2": "third",
        "a\\x00": 1,
        "a\\x00 #2": 2,
    }


def test_circles_are_marked():
    """A container inside itself is marked; the same one twice is not."""
    value = {"twice": [[1]] * 2}
    value["self"] = value
    assert told(value) == {"twice": [[1], [1]], "self": "<circular reference to dict>"}


def test_depth_is_bounded():
    """Too deep a nesting ends in a marker."""
    text = json.dumps(told(odd_values.deep()))
    assert text.count("[") == _jsonable.MAX_DEPTH + 1
    assert "<list deeper than 32 levels>" in text


def test_sizes_are_bounded_with_a_marker():
    """Huge containers keep their head and tell their size."""
    most = _jsonable.MAX_ITEMS
    assert told(list(range(most + 5)))[-2:] == [most - 1, f"<5 more of {most + 5} items>"]
    large = told(dict.fromkeys(range(most + 5)))
    assert (len(large), large["…"]) == (most + 1, f"<5 more of {most + 5} items>")
    assert told(range(10**30)).startswith("<unrepresentable range: reading it raised OverflowError")


def test_the_whole_is_bounded():
    """Many containers of allowed size do not add up without end, and both ways agree on it."""
    value = {str(at): list(range(5000)) for at in range(100)}
    assert len(WRITER.dumps(value)) < 500_000
    assert WRITER.dumps(value) == WRITER.dumps_carefully(value)
    assert told(value)["99"] == ["<5000 more of 5000 items>"]


def test_containers_are_asked_past_what_a_subclass_says():
    """A list that counts in a database, or says that it is empty, is what it holds."""

    def odd(base):
        def refuse(*_):
            raise RuntimeError

        return type("Odd", (base,), {"__len__": lambda _: 0, "__iter__": refuse})([1])

    kinds = (list, tuple, set, frozenset, deque)
    assert jsonable([odd(kind) for kind in kinds], REDACTOR) == [[1]] * len(kinds)


def test_iterators_are_not_consumed():
    """A generator is told by its repr and stays whole."""
    generator = (n for n in range(3))
    assert told({"rows": generator})["rows"].startswith("<generator object")
    assert list(generator) == [0, 1, 2]


def test_a_snapshot_shares_nothing():
    """Changing the value later changes nothing in what was taken."""
    value = {"list": [1], "dict": {"a": 1}}
    taken = told(value)
    value["list"].append(2)
    value["dict"]["a"] = 2
    assert taken == {"list": [1], "dict": {"a": 1}}


def test_a_dict_that_another_thread_changes_is_survived():
    """Encoding while another thread adds and removes keys never raises."""
    value = {str(n): n for n in range(50)}
    stop = threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            value[f"more{number % 100}"] = number
            value.pop(f"more{(number + 50) % 100}", None)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        outcomes = [orjson.loads(WRITER.dumps(value)) for _ in range(500)]
    finally:
        stop.set()
        thread.join()
    assert all("49" in outcome or isinstance(outcome, str) for outcome in outcomes)


def test_long_texts_are_cut_with_their_size():
    """A text beyond the limit keeps head and tail."""
    assert told("a" * 50_000 + "b" * 50_000, max_text=10) == (
        "aaaaa…[cut; 100000 characters in all]…bbbbb"
    )


def test_cutting_leaves_no_half_of_a_secret():
    """A secret that the edge would cut in two does not show its first half."""
    secret = "ghp_" + "a1" * 18
    long = "x" * 40 + " " + secret + " " + "y" * 100_000
    for keep in range(60, 180, 3):
        assert "a1a1" not in told(long, max_text=keep)


def test_values_under_secret_keys_are_hidden():
    """Texts and objects under secret keys become the marker, wherever they are."""
    value = {
        "password": 1234,
        "token": "abc",
        "nested": [{"apiKey": ["x", {"y": "z"}]}],
        "credentials": {"user": "ann"},
        "dsn": None,
        "secret": "",
        "authorization": True,
        ("password",): 1,
    }
    assert told(value) == {
        "password": "[redacted]",
        "token": "[redacted]",
        "nested": [{"apiKey": "[redacted]"}],
        "credentials": "[redacted]",
        "dsn": None,
        "secret": "",
        "authorization": True,
        "('password',)": "[redacted]",
    }


def test_counts_under_doubtful_keys_stay():
    """What counts tokens is no token."""
    value = {
        "tokens": 1500,
        "token": 3,
        "max_tokens": 4096,
        "api_keys_rotated": 3,
        "usage": {"tokens": {"prompt": 12, "completion": 30}},
        "api_keys": [1, 2],
    }
    assert told(value) == value


@pytest.mark.parametrize("meta", HARMLESS_META, ids=str)
def test_words_about_a_secret_stay(meta):
    """What only says how it stands with a secret is kept, under whatever key."""
    assert jsonable(meta, Redactor()) == meta


def test_secrets_in_keys_are_hidden():
    """A key that holds a secret is redacted, and two such keys keep both values."""
    value = {"postgres://u:pw1@h/db": 1, "postgres://u:pw2@h/db": 2}
    assert told(value) == {
        "postgres://u:[redacted]@h/db": 1,
        "postgres://u:[redacted]@h/db #2": 2,
    }
    assert WRITER.dumps(value) == WRITER.dumps_carefully(value)


def test_plain_meta_takes_the_quick_way(monkeypatch):
    """The call that people write all day never comes near the careful way."""

    def fail(*_):
        raise AssertionError

    monkeypatch.setattr(JsonWriter, "dumps_carefully", fail)
    meta = {"count": 150, "page": 1.5, "object": "contacts", "more": [None, {"a": True}]}
    assert WRITER.dumps(meta) == (
        b'{"count":150,"page":1.5,"object":"contacts","more":[null,{"a":true}]}'
    )
