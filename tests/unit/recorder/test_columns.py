"""What the columns of a run take, and what they refuse with a word."""

from __future__ import annotations

import enum
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from kit.odd_values import values

from runlog._recorder import columns

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LOCAL = datetime(2026, 1, 31, 12).astimezone(UTC)
DAY = datetime(2026, 1, 31).astimezone(UTC)
BUILT_IN = (type(None), str, int, Decimal, datetime)


class Mode(enum.Enum):
    FULL = "full"


class Timestamp(datetime):
    """As pandas': refuses what a datetime can when it has no zone."""

    def astimezone(self, tz=None):  # noqa: ARG002 - as datetime
        raise TypeError("Cannot convert tz-naive Timestamp")


class NotATime(datetime):
    """As pandas' NaT: a datetime that is none, and not equal to itself."""

    def __eq__(self, other):
        return False

    def __hash__(self):
        return 0


class NumpyMoment:
    """As numpy's: microseconds become a datetime, nanoseconds a number."""

    def astype(self, unit):
        assert unit == "datetime64[us]"
        return self

    def item(self):
        return datetime(2026, 1, 31, 12)  # noqa: DTZ001 - numpy knows no zone


class Arrow:
    datetime = MOMENT


class Pendulum:
    def to_pydatetime(self):
        return MOMENT


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (None, None),
        (MOMENT, MOMENT),
        (MOMENT.astimezone(timezone(timedelta(hours=5))), MOMENT),
        (datetime(2026, 1, 31, 12), LOCAL),  # noqa: DTZ001 - as above
        ("2026-01-31T12:00:00Z", MOMENT),
        (" 2026-01-31 13:00:00.5+01:00", MOMENT.replace(microsecond=500_000)),
        ("2026-01-31T12:00", LOCAL),
        ("2026-01-31", DAY),
        (date(2026, 1, 31), DAY),
        (Timestamp(2026, 1, 31, 12), LOCAL),
        (Timestamp(2026, 1, 31, 12, tzinfo=UTC), MOMENT),
        (NumpyMoment(), LOCAL),
        (Arrow(), MOMENT),
        (Pendulum(), MOMENT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_moment_is_taken_from_whatever_is_one(value, moment):
    """Exact datetimes in UTC, whose zone and class are nobody's of the program."""
    found = columns.moment(value)
    assert found == moment
    assert found is None or (type(found), found.tzinfo) == (datetime, UTC)


@pytest.mark.parametrize(
    "value", [5, 1769860800.0, True, "yesterday", "", NotATime(1, 1, 1), object(), [MOMENT]]
)
def test_what_is_no_moment_is_refused(value):
    """A number could be seconds or milliseconds; nothing is guessed."""
    with pytest.raises(ValueError, match=r"use a datetime|isoformat"):
        columns.moment(value)


@pytest.mark.parametrize(
    ("value", "number"), [(7, 7), ("7", 7), (7.0, 7), (Decimal(7), 7), (True, 1), (2**40, 2**40)]
)
def test_a_count_is_a_whole_number(value, number):
    """Also as a text or a float that is one."""
    found = columns.count(value)
    assert (found, type(found)) == (number, int)


@pytest.mark.parametrize("value", ["abc", 1.5, math.nan, math.inf, "1.5"])
def test_what_is_no_whole_number_is_refused(value):
    """A half of a record is a mistake, not to be rounded in silence."""
    with pytest.raises(ValueError, match="use a whole number"):
        columns.count(value)


@pytest.mark.parametrize(
    ("value", "cost"), [(0.1, "0.1"), ("0.0210", "0.0210"), (3, "3"), (Decimal("1E+3"), "1E+3")]
)
def test_a_cost_is_what_is_written(value, cost):
    """Decimal(0.1) would store fifty digits."""
    assert str(columns.cost(value)) == cost


@pytest.mark.parametrize(
    "value", ["x", math.nan, math.inf, "sNaN", "1e400000", "1e-400000", "9" * 200, object()]
)
def test_what_no_bill_has_is_refused(value):
    """NaN would poison the sum, and numeric has limits."""
    with pytest.raises(ValueError, match="use a"):
        columns.cost(value)


def test_sums_do_not_listen_to_the_program(monkeypatch):
    """A precision of three digits in the program's decimal context leaves the sum exact."""
    import decimal

    with decimal.localcontext(prec=3, traps=[decimal.Inexact]):
        assert columns.sum_of(Decimal("1234.5"), Decimal("0.0001")) == Decimal("1234.5001")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("full", "full"),
        (Mode.FULL, "full"),
        ("a\0b", "a\\x00b"),
        ("caf\udce9", "caf\\udce9"),
        (b"bytes", "bytes"),
        (5, "5"),
    ],
)
def test_a_text_is_storable(value, text):
    """By the functions that make an entry storable."""
    assert columns.text(value) == text


def test_a_text_is_bounded():
    """An index refuses long ones, and with them the whole row."""
    assert len(columns.text("é" * 100_000).encode()) < 2704


def test_a_batch_is_a_uuid():
    """In any spelling; anything else is refused."""
    run_id = UUID(int=7)
    assert columns.uuid_text(run_id) == columns.uuid_text(run_id.hex.upper()) == str(run_id)
    with pytest.raises(ValueError, match="use a UUID"):
        columns.uuid_text("nightly-7")


@given(value=values)
def test_any_value_is_taken_or_refused(value):
    """What comes out is of a built-in type; what is refused is an Exception, never more."""
    for column, parse in columns.PARSERS.items():
        try:
            taken = parse(value)
        except Exception:
            continue
        assert type(taken) in BUILT_IN, column
        if type(taken) is str:
            assert "\0" not in taken, column
            taken.encode()
