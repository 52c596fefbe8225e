"""A dict whose values become JSON when they are put in."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections import deque

from hypothesis import given
from kit.odd_values import metas, values

from runlog._entry.json_writer import JsonWriter
from runlog._entry.redaction.redactor import Redactor
from runlog._recorder.facts import MOST_BYTES, Facts


def to_json(value):
    return JsonWriter(Redactor()).dumps(value).decode()


def stored(facts):
    """What the JSON of the facts says."""
    return json.loads("{" + ",".join(facts.pieces()) + "}")


class Counted:
    """An object that counts how often it is asked what it is."""

    asked = 0

    def __repr__(self):
        Counted.asked += 1
        return "counted"


def written(facts):
    made = Facts(facts)
    made.write_with(to_json)
    return made


def test_it_is_a_dict():
    """Reading gives back what was put in, by every way a dict has."""
    value = object()
    facts = Facts({"a": value})
    facts["b"] = 1
    facts.update({"c": 2}, d=3)
    facts |= {"e": 4}
    assert facts.setdefault("f", 5) == 5
    assert facts.setdefault("a") is value
    assert dict(facts) == {"a": value, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5}
    del facts["b"]
    assert facts.pop("c") == 2
    assert facts.pop("no", None) is None
    assert facts.popitem() == ("f", 5)
    facts.write_with(to_json)
    assert sorted(stored(facts)) == ["a", "d", "e"]
    facts.clear()
    assert stored(facts) == dict(facts) == {}


def test_values_are_asked_once():
    """Not again when the JSON is made, however often: least of all on another thread."""
    Counted.asked = 0
    facts = Facts({"one": Counted()})
    assert Counted.asked == 1
    facts.write_with(to_json)
    facts["two"] = Counted()
    assert stored(facts) == {"one": "counted", "two": "counted"}
    facts.take_again()
    assert Counted.asked == 2


def test_containers_are_taken_again():
    """What was put into a list later is stored when it is taken again, not before."""
    pages, seen = [1], deque()
    facts = written({"pages": pages, "seen": seen})
    pages.append(2)
    seen.append("x")
    assert stored(facts) == {"pages": [1], "seen": []}
    facts.take_again()
    assert stored(facts) == {"pages": [1, 2], "seen": ["x"]}


def test_secrets_are_hidden_whenever_they_were_put_in():
    """Before there is a recorder nobody knows what is secret; when it is written, it is hidden."""
    facts = Facts({"token": "abc", "deep": {"password": "abc"}})
    facts.write_with(to_json)
    facts["api_key"] = "abc"
    assert "abc" not in "".join(facts.pieces())


def test_another_run_has_the_same_facts():
    """A copy asks no value again, and what is put into one is not the other's."""
    Counted.asked = 0
    first = Facts({"one": Counted()})
    second = first.again()
    second["two"] = 2
    second.write_with(to_json)
    first.write_with(to_json)
    assert (stored(first), stored(second)) == ({"one": "counted"}, {"one": "counted", "two": 2})
    assert Counted.asked == 1


def test_names_that_are_taken():
    """``runlog`` is runlog's own, and two keys of one spelling are two facts."""
    facts = written({"runlog": 1, 1: "number", "1": "text"})
    assert stored(facts) == {"runlog #2": 1, "1": "number", "1 #2": "text"}


def test_numbers_of_ones_own():
    """What runlog itself puts in needs no writer."""
    facts = Facts()
    facts.put_plain("progress", {"done": 5, "total": None})
    assert stored(facts) == {"progress": {"done": 5, "total": None}}


def test_all_facts_are_bounded():
    """One that is too large is cut, and of too many the largest are told by their size."""
    facts = written({"one": "x" * (4 * MOST_BYTES)})
    assert len("".join(facts.pieces())) <= MOST_BYTES
    facts.update({f"text {number}": "y" * 100_000 for number in range(10)}, small="kept")
    assert len("".join(facts.pieces())) <= MOST_BYTES
    found = stored(facts)
    assert found["small"] == "kept"
    assert "characters in all" in found["one"]


def test_many_facts_take_no_longer_each_than_few():
    """Neither a name that is free nor the ones to cut are looked for among all of them."""
    facts = Facts({f"fact {number}": number for number in range(30_000)})
    writer = JsonWriter(Redactor())
    facts.write_with(lambda value: writer.dumps(value).decode())
    pieces = facts.pieces()
    assert sum(map(len, pieces)) <= MOST_BYTES
    assert len(pieces) > 5_000


def test_copies_are_plain():
    """A copy or a pickle of the metadata is a dict."""
    facts = Facts({"a": [1]})
    for other in (copy.copy(facts), copy.deepcopy(facts), pickle.loads(pickle.dumps(facts))):
        assert (type(other), other) == (dict, {"a": [1]})
    assert type(facts.copy()) is dict


@given(facts=metas, key=values, value=values)
def test_anything_is_stored(facts, key, value):
    """Whatever is put in under whatever key, before or after there is a writer: JSON comes out."""
    made = Facts(facts)
    made.write_with(to_json)
    # A dict's own word on a key that cannot be hashed.
    with contextlib.suppress(TypeError):
        made[key] = value
    made.take_again()
    assert len(stored(made)) <= len(made)
