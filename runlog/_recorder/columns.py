"""The columns of a run: what each takes, made storable at the moment it is given.

Each function returns a value of a built-in type that PostgreSQL stores, of which nothing is the
caller's any more, or raises ValueError with what would do. An object's own code may run here, on
the thread that gives it, and nowhere later. Not here: ``metadata`` (``facts``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from runlog._entry.texts import plain_text, shorten, storable, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

INTEGER_MAX = 2**31 - 1
"""The most that a column of type integer holds."""

# A name is in an index, whose rows PostgreSQL limits to 2,704 bytes.
_LONGEST_TEXT = 500
# PostgreSQL's numeric would take more, but no bill has it.
_MOST_DIGITS = 60
_SUMS = Context(prec=2 * _MOST_DIGITS, traps=[])


def text(value: object) -> str | None:
    """Return ``value`` as a text; an Enum is its value."""
    if value is None:
        return None
    return shorten(storable(plain_text(value)), _LONGEST_TEXT)


def name(value: object) -> str:
    """Return ``value`` as a text that is not empty."""
    found = text(value)
    if found is None or not found.strip():
        raise ValueError("use a text that is not empty")
    return found


def count(value: Any) -> int | None:
    """Return a whole number; digits in a text are one."""
    if value is None:
        return None
    if issubclass(type(value), Decimal) and value.adjusted() > _MOST_DIGITS:
        # Its digits would take seconds, and more for each zero.
        raise ValueError(f"use a whole number of at most {_MOST_DIGITS} digits")
    try:
        number = int(str.__str__(value) if isinstance(value, str) else value)
        is_whole = isinstance(value, str) or bool(number == value)
    except (ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise ValueError("use a whole number")
    return int.__index__(number)


def cost(value: object) -> Decimal | None:
    """Return a finite number, exactly as it is written."""
    if value is None:
        return None
    try:
        # Through its text: Decimal(0.1) would store fifty digits.
        number = Decimal(text_of(value).strip())
        digits = len(number.as_tuple().digits)
    except ArithmeticError:
        raise ValueError("use a number") from None
    if not number.is_finite():
        raise ValueError("use a finite number")
    if digits > _MOST_DIGITS or (number and abs(number.adjusted()) > _MOST_DIGITS):
        raise ValueError(f"use a number of at most {_MOST_DIGITS} digits")
    return number


def sum_of(first: Any, second: Any) -> Any:
    """Return the sum of two costs or two counts, whatever the program has told ``decimal``."""
    return _SUMS.add(first, second) if isinstance(first, Decimal) else first + second


def uuid_text(value: object) -> str | None:
    """Return the text of a UUID."""
    if value is None:
        return None
    from uuid import UUID

    try:
        return UUID(text_of(value).strip()).urn[9:]
    except ValueError:
        raise ValueError("use a UUID") from None


def moment(value: Any) -> datetime | None:
    """Return a moment in UTC, from whatever is one; without a zone it is local time.

    A datetime, a date (its beginning), ISO 8601 text, and what pandas, numpy, Arrow and the like
    have for these.
    """
    if value is None:
        return None
    found = _as_datetime(value)
    if found is None:
        raise ValueError("use a datetime, a date or ISO 8601 text")
    try:
        return found.astimezone(UTC)
    except (OverflowError, OSError):
        raise ValueError("use a moment between the years 1 and 9999") from None


def _as_datetime(value: Any) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(str.__str__(value).strip())
    if isinstance(value, date) and not _is_itself(value):
        # pandas.NaT is a datetime, and not equal to itself.
        return None
    if isinstance(value, datetime):
        return _rebuilt(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - local time is meant
    if (told := _converted(value)) is not None and isinstance(told, datetime):
        return _rebuilt(told)
    return None


def _is_itself(value: Any) -> bool:
    return bool(value == value)  # noqa: PLR0124 - what is no number and no moment is not


def _rebuilt(value: datetime) -> datetime:
    """Return an exact datetime: a subclass may refuse what a datetime can (a naive Timestamp)."""
    offset = value.utcoffset()
    told = datetime(  # noqa: DTZ001 - its zone is the offset, or it is local time
        value.year, value.month, value.day, value.hour, value.minute, value.second,
        value.microsecond, fold=value.fold,
    )  # fmt: skip
    return told if offset is None else (told - offset).replace(tzinfo=UTC)


_CONVERSIONS: tuple[Callable[[Any], Any], ...] = (
    lambda value: value.to_pydatetime(),
    lambda value: value.py_datetime(),
    # numpy: to microseconds first, for it tells nanoseconds as a number.
    lambda value: value.astype("datetime64[us]").item(),
    lambda value: value.datetime,
)


def _converted(value: Any) -> Any:
    for convert in _CONVERSIONS:
        try:
            return convert(value)
        except (AttributeError, TypeError):
            continue
    return None


PARSERS: dict[str, Callable[[Any], Any]] = {
    "script_name": name,
    "batch_id": uuid_text,
    "triggered_by": text,
    "records_fetched": count,
    "records_inserted": count,
    "records_updated": count,
    "records_failed": count,
    "calls_analyzed": count,
    "api_cost": cost,
    "sync_mode": text,
    "sync_start_date": moment,
    "sync_end_date": moment,
}
"""Column → what it takes."""
