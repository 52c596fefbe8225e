"""Fields of dataclasses and their like: taken from the object, by no code of the user's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from runlog._entry.jsonable import jsonable
from runlog._entry.redaction.redactor import Redactor

REDACTOR = Redactor()


def told(value):
    return jsonable(value, REDACTOR)


class Loading:
    """A descriptor as an ORM has one: reading it asks the database, and waits for it."""

    def __get__(self, instance, owner=None):
        raise AssertionError("asked the database")

    def __set__(self, instance, value):
        instance.__dict__["loaded"] = value


def test_what_an_orm_would_load_is_not_loaded():
    """A relation that is not in the object is told as such; what is there is told."""

    @dataclass
    class Order:
        number: int
        items: list = field(default_factory=list)

    order = Order(1, [2])
    assert told(order) == {"number": 1, "items": [2]}
    Order.items = Loading()
    assert told(order) == {"number": 1, "items": [2]}
    del order.__dict__["items"]
    assert told(order) == {"number": 1, "items": "<not loaded>"}


def test_fields_in_slots_are_read():
    """Also one that was never set, and a named tuple with attributes of other names."""

    @dataclass(slots=True)
    class Point:
        x: int
        y: int = 2

    class Pair(NamedTuple):
        first: int
        second: str

    point = Point(1)
    del point.y
    assert told(point) == {"x": 1, "y": "<unset: AttributeError>"}
    assert told(Pair(1, "b")) == {"first": 1, "second": "b"}


def test_an_object_that_answers_to_any_name_is_not_asked():
    """__getattribute__ and __getattr__ of the user's are not called for a field."""

    @dataclass
    class Proxy:
        x: int

        def __getattribute__(self, name):
            raise AssertionError(name)

    assert told(Proxy(1)) == {"x": 1}


def test_a_timedelta_of_pandas_keeps_its_nanoseconds():
    """It is a timedelta with one more figure."""
    finer = type("Timedelta", (dt.timedelta,), {"nanoseconds": 7, "__abs__": lambda self: self})
    finer.__module__ = "pandas._libs.tslibs.timedeltas"
    assert told(finer(days=1, seconds=1)) == "P1DT1.000000007S"
    assert told(dt.timedelta(seconds=1)) == "PT1S"


@pytest.mark.parametrize(
    "value",
    [
        ["x" * 1000] * 9000,
        [b"y" * 100_000] * 9000,
        {f"{number:05}" + "k" * 5000: number for number in range(9000)},
        [[["z" * 500] * 100] * 100] * 9,
    ],
    ids=["texts", "bytes", "keys", "nested"],
)
def test_the_work_is_bounded_by_the_size_of_an_entry(value):
    """However much there is, no more letters are looked through than a few entries can hold."""
    looked = []
    redactor = Redactor()
    shown = redactor.may_hold_secret
    redactor.may_hold_secret = lambda text: looked.append(len(text)) or shown(text)
    jsonable(value, redactor, max_text=262_144)
    assert sum(looked) < 16 * 1_048_576


def test_keys_that_look_alike_are_counted_once():
    """Thousands of keys with one text take one step each, not one for every name before."""

    class Same:
        def __repr__(self):
            return "same"

    steps = []

    class Names(dict):
        def __contains__(self, name):
            steps.append(name)
            return super().__contains__(name)

    from runlog._entry import jsonable as module

    numbers, taken = {}, Names()
    for _ in range(1000):
        taken[module._free_name(taken, "same", Same(), numbers)] = 1
    assert len(steps) < 2500
    assert len(told({Same(): 1 for _ in range(3000)})) == 3000
