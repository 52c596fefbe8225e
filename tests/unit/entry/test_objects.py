"""Each kind of object has its form in JSON, found without importing what made it."""

import datetime as dt
import decimal
import fractions
import json
import pathlib
import types
import uuid
from collections import ChainMap, Counter, deque
from collections.abc import Mapping
from unittest.mock import MagicMock

import pytest
from kit import odd_values

from runlog._entry.jsonable import jsonable
from runlog._entry.redaction.redactor import Redactor

REDACTOR = Redactor()


def told(value):
    return jsonable(value, REDACTOR)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            dt.datetime(2025, 1, 2, 3, 4, 5),  # noqa: DTZ001 - naive ones exist
            "2025-01-02T03:04:05",
        ),
        (dt.datetime(2025, 1, 2, tzinfo=dt.UTC), "2025-01-02T00:00:00+00:00"),
        (dt.date(2025, 1, 2), "2025-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (dt.timedelta(days=1, hours=2, minutes=3, seconds=4.5), "P1DT2H3M4.5S"),
        (dt.timedelta(hours=-1), "-PT1H"),
        (dt.timedelta(0), "PT0S"),
        (dt.timedelta(days=2), "P2D"),
        (decimal.Decimal("1.10"), "1.10"),
        (decimal.Decimal("NaN"), "NaN"),
        (fractions.Fraction(1, 3), "1/3"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (odd_values.Colour.RED, "red"),
        (odd_values.Colour.ODD, "NaN"),
        (odd_values.Level.LOW, 1),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("b"), ["b"]),
        (range(3), [0, 1, 2]),
        (deque([1]), [1]),
        ({"a": 1}.keys(), ["a"]),
        (Counter("aab"), {"a": 2, "b": 1}),
        (ChainMap({"a": 1}, {"b": 2}), {"b": 2, "a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (b"text\n", "text\n"),
        (b"\xff\x00", "<2 bytes: ff00>"),
        (bytearray(b"\x00" * 100), f"<100 bytes: {'00' * 32}…>"),
        (memoryview(b"abc"), "abc"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (2**64 - 1, 2**64 - 1),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        (10**9999, "<integer of about 10000 digits>"),
        (1 + 2j, "(1+2j)"),
        ("a\0b", "a\\x00b"),
        ("a\ud800b", "a\\ud800b"),
        (ValueError("x"), "ValueError: x"),
        (KeyError(), "KeyError"),
        (uuid.UUID, "uuid.UUID"),
        (len, "len"),
        (json.dumps, "json.dumps"),
        (json, "json"),
        (odd_values.RaisingRepr(), "<unrepresentable RaisingRepr: repr raised ValueError>"),
        (odd_values.WrongText(), "<unrepresentable WrongText: repr raised TypeError>"),
        (odd_values.OddItems(a=1), {"a": 1}),
        (odd_values.Point(1, [2]), {"x": 1, "y": [2]}),
        (
            odd_values.Contact("Ann"),
            {"name": "Ann", "password": "[redacted]", "notes": "<not shown: repr=False>"},
        ),
        (None, None),
        (True, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_has_its_form(value, expected):
    """Each kind of value is told in the documented form."""
    assert told(value) == expected


def test_pydantic_models_are_told_by_their_fields():
    """A pydantic model becomes its fields, extras too, and secrets stay hidden."""
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel, extra="allow"):
        when: dt.date
        key: pydantic.SecretStr
        hidden: int = pydantic.Field(5, repr=False)

    model = Model(when="2025-01-02", key="hunter2", more=1)
    assert told(model) == {
        "when": "2025-01-02",
        "key": "SecretStr('**********')",
        "hidden": "<not shown: repr=False>",
        "more": 1,
    }


def test_models_of_the_old_pydantic_are_told_by_their_fields():
    """A model of pydantic 1 becomes its fields as well."""
    pytest.importorskip("pydantic")
    from pydantic.v1 import BaseModel

    class Model(BaseModel):
        count: int
        hidden: int = 3

    assert told(Model(count=5)) == {"count": 5, "hidden": 3}


def test_attrs_classes_are_told_by_their_fields():
    """What attrs leaves on its classes is enough to find their fields."""

    class Point:
        __attrs_attrs__ = (
            types.SimpleNamespace(name="x", repr=True),
            types.SimpleNamespace(name="y", repr=False),
        )
        x, y = 1, 2

    assert told(Point()) == {"x": 1, "y": "<not shown: repr=False>"}


def test_numpy_values_are_told_without_importing_it():
    """Scalars become numbers, small arrays lists, large ones their shape and head."""
    numpy = pytest.importorskip("numpy")
    value = {
        "scalars": [numpy.int64(5), numpy.float32(0.5), numpy.bool_(True), numpy.float64("nan")],
        "date": numpy.datetime64("2025-01-02"),
        "long": numpy.longdouble("0.5"),
        "array": numpy.arange(4).reshape(2, 2),
        "large": numpy.zeros((100, 100)),
        "objects": numpy.array([None, "a"], dtype=object),
    }
    assert told(value) == {
        "scalars": [5, 0.5, True, "NaN"],
        "date": "2025-01-02",
        "long": "0.5",
        "array": [[0, 1], [2, 3]],
        "large": {
            "type": "ndarray",
            "dtype": "float64",
            "shape": [100, 100],
            "size": 10_000,
            "head": [0.0] * 20,
        },
        "objects": {
            "type": "ndarray",
            "dtype": "object",
            "shape": [2],
            "size": 2,
            "head": [None, "a"],
        },
    }


def test_mocks_are_told_by_their_repr():
    """An object that has every attribute is not taken for anything else."""
    assert told(MagicMock(name="it")).startswith("<MagicMock name='it'")


def test_objects_that_lie_about_their_class_are_survived():
    """A class property that raises, and a metaclass that does, change nothing."""

    class Liar:
        @property
        def __class__(self):
            raise ValueError

        def __repr__(self):
            return "liar"

    assert told(Liar()) == "liar"


def test_types_that_fail_to_tell_their_name_are_survived():
    """A metaclass whose names raise leaves a marker."""

    class Nameless(type):
        @property
        def __module__(cls):
            raise ValueError

        __name__ = __module__

    class Thing(metaclass=Nameless):
        pass

    assert told([Thing()]) == ["<unrepresentable object: reading it raised ValueError>"]


def test_registered_mappings_are_mappings():
    """A class that only declares itself a mapping is told by its items."""

    class Registered:
        def __iter__(self):
            return iter("ab")

        def __getitem__(self, key):
            return key * 2

        def __len__(self):
            return 2

    Mapping.register(Registered)
    assert told(Registered()) == {"a": "aa", "b": "bb"}
