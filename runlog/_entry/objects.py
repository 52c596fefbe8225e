"""Objects: what kind of thing a value is, and how each kind is told in JSON.

Lives here: the table from types to forms. Not here: the walk through containers (``jsonable``).
Kinds are found by the names in a type's ancestry, so nothing needs to be imported to recognise
it: ``numpy``, ``pydantic``, ``decimal`` and ``uuid`` cost nothing to those who do not use them.
Pure; runs on the caller's thread. Raises what the user's objects raise: ``jsonable`` catches it.
"""

from __future__ import annotations

from enum import Enum, auto
from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any

from runlog._entry.texts import qualified_name, shorten, text_of, text_of_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

_MAX_TEXT_OF_ERROR = 10_000
_MAX_ARRAY_ITEMS = 1000
_ARRAY_HEAD = 20
NOT_SHOWN = "<not shown: repr=False>"
NOT_LOADED = "<not loaded>"
"""A field that is not in the object: what would fetch it may ask a database and wait for it."""


class Shape(Enum):
    """How the walk goes through a container."""

    DICT = auto()
    MAPPING = auto()
    TUPLE = auto()
    SEQUENCE = auto()
    SET = auto()
    ITERABLE = auto()


def iso_duration(value: timedelta) -> str:
    """Return a timedelta as ISO 8601 says it, which PostgreSQL reads as an interval.

    With the nanoseconds that pandas adds to it.
    """
    sign = "-" if value.days < 0 else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    is_finer = type(value).__module__.partition(".")[0] == "pandas"
    nanoseconds = f"{value.nanoseconds:03d}" if is_finer else ""  # type: ignore[attr-defined] # pandas
    fraction = f"{seconds}.{value.microseconds:06d}{nanoseconds}".rstrip("0").rstrip(".")
    time = "".join(
        f"{figure}{unit}"
        for figure, unit in ((hours, "H"), (minutes, "M"), (fraction, "S"))
        if figure not in {0, "0"}
    )
    date = f"{value.days}D" if value.days else ""
    return f"{sign}P{date}T{time}" if time else f"{sign}P{date or 'T0S'}"


def text_of_error(error: BaseException) -> str:
    """Return ``ValueError: text``."""
    text = shorten(text_of(error), _MAX_TEXT_OF_ERROR)
    return f"{qualified_name(type(error))}: {text}" if text else qualified_name(type(error))


def _numpy_scalar(value: Any) -> Any:
    plain = value.item()
    # A long double gives itself, and dates in nanoseconds a mere integer.
    return (
        plain
        if type(plain) in {bool, int, float, str, bytes} and not _is_date(value)
        else str(value)
    )


def _is_date(value: Any) -> bool:
    return value.dtype.kind in "Mm"


def _numpy_array(value: Any) -> Any:
    if value.size <= _MAX_ARRAY_ITEMS and value.dtype.kind in "biuf":
        return value.tolist()
    head = [value.flat[at] for at in range(min(value.size, _ARRAY_HEAD))]
    return {
        "type": "ndarray",
        "dtype": str(value.dtype),
        "shape": list(value.shape),
        "size": int(value.size),
        "head": head,
    }


def _enum_value(value: Any) -> Any:
    return value.value


def _isoformat(value: Any) -> str:
    return text_of(value.isoformat())


def _module_name(value: Any) -> str:
    return text_of(value.__name__)


# The result is walked again: it may be text that holds a secret, or a list.
FORMS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("builtins", "str"): str.__str__,
    ("builtins", "int"): int.__index__,
    ("builtins", "float"): float.__float__,
    ("builtins", "complex"): str,
    ("builtins", "bytes"): text_of_bytes,
    ("builtins", "bytearray"): text_of_bytes,
    ("builtins", "memoryview"): text_of_bytes,
    ("builtins", "BaseException"): text_of_error,
    ("builtins", "type"): qualified_name,
    ("builtins", "function"): qualified_name,
    ("builtins", "method"): qualified_name,
    ("builtins", "builtin_function_or_method"): qualified_name,
    ("builtins", "module"): _module_name,
    ("datetime", "date"): _isoformat,
    ("datetime", "time"): _isoformat,
    ("datetime", "timedelta"): iso_duration,
    ("decimal", "Decimal"): str,
    ("enum", "Enum"): _enum_value,
    ("fractions", "Fraction"): str,
    ("ipaddress", "_IPAddressBase"): str,
    ("numpy", "generic"): _numpy_scalar,
    ("numpy", "ndarray"): _numpy_array,
    ("pathlib", "PurePath"): str,
    ("pathlib._local", "PurePath"): str,
    ("uuid", "UUID"): str,
}
SHAPES: dict[tuple[str, str], Shape] = {
    ("builtins", "dict"): Shape.DICT,
    ("builtins", "mappingproxy"): Shape.MAPPING,
    ("collections.abc", "Mapping"): Shape.MAPPING,
    ("builtins", "list"): Shape.SEQUENCE,
    ("builtins", "tuple"): Shape.TUPLE,
    ("builtins", "range"): Shape.SEQUENCE,
    ("builtins", "set"): Shape.SET,
    ("builtins", "frozenset"): Shape.SET,
    ("builtins", "dict_keys"): Shape.ITERABLE,
    ("builtins", "dict_values"): Shape.ITERABLE,
    ("builtins", "dict_items"): Shape.ITERABLE,
    ("collections", "deque"): Shape.ITERABLE,
}


def find_form(kind: type) -> Callable[[Any], Any] | Shape | None:
    """Return how values of this type are told, by the nearest ancestor that is known."""
    for ancestor in kind.__mro__:
        name = (ancestor.__module__, ancestor.__qualname__)
        form = FORMS.get(name) or SHAPES.get(name)
        if form is not None:
            return form
    return None


def find_fields(value: object) -> list[tuple[str, object]] | None:
    """Return the fields of a dataclass, attrs class, pydantic model or named tuple, else None.

    They are taken from where the object keeps them, without running code of the user's class: what
    a property or a descriptor would fetch is marked.
    """
    kind = type(value)
    shown = _shown_fields(kind)
    if shown is None:
        return None
    if issubclass(kind, tuple) and not hasattr(kind, "__dataclass_fields__"):
        return list(zip([name for name, _ in shown], tuple.__iter__(value), strict=False))  # type: ignore[arg-type] # a tuple
    kept = _kept_by(value)
    fields = [(name, _read(value, name, kept) if show else NOT_SHOWN) for name, show in shown]
    if hasattr(kind, "__pydantic_core_schema__"):
        extra = _read(value, "__pydantic_extra__", kept)
        if type(extra) is dict:
            fields += extra.items()
    return fields


def _shown_fields(kind: type) -> list[tuple[str, bool]] | None:
    declared: Any = getattr(kind, "__dataclass_fields__", None)
    if declared is None and hasattr(kind, "__pydantic_core_schema__"):
        declared = getattr(kind, "model_fields", None)
    if declared is None and hasattr(kind, "__validators__"):
        # pydantic 1; with version 2 the mere look would warn.
        declared = getattr(kind, "__fields__", None)
    if isinstance(declared, dict):
        return [(name, _is_shown(field)) for name, field in declared.items()]
    declared = getattr(kind, "__attrs_attrs__", None)
    if isinstance(declared, tuple):
        return [(field.name, field.repr is not False) for field in declared]
    declared = getattr(kind, "_fields", None)
    if issubclass(kind, tuple) and isinstance(declared, tuple):
        return [(name, True) for name in declared]
    return None


def _is_shown(field: Any) -> bool:
    # pydantic 1 keeps the option one level deeper.
    return getattr(getattr(field, "field_info", field), "repr", True) is not False


def _kept_by(value: object) -> dict[str, object]:
    try:
        kept = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return kept if type(kept) is dict else {}


def _read(value: object, name: str, kept: dict[str, object]) -> object:
    if name in kept:
        return kept[name]
    for ancestor in type(value).__mro__:
        if name in ancestor.__dict__:
            declared = ancestor.__dict__[name]
            if isinstance(declared, (MemberDescriptorType, GetSetDescriptorType)):
                return _read_slot(value, declared)
            return NOT_LOADED if hasattr(type(declared), "__get__") else declared
    return "<unset: AttributeError>"


def _read_slot(value: object, slot: MemberDescriptorType | GetSetDescriptorType) -> object:
    try:
        return slot.__get__(value, type(value))
    except AttributeError as error:
        return f"<unset: {type(error).__name__}>"
