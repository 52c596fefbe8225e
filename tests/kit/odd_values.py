"""Strategies for everything that people put into a log call, and more."""

import dataclasses
import datetime as dt
import enum
import pathlib
from collections import OrderedDict, defaultdict, deque, namedtuple

from hypothesis import strategies as st


class Colour(enum.Enum):
    RED = "red"
    ODD = float("nan")


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Contact:
    name: object
    password: object = "hunter2"
    notes: list = dataclasses.field(default_factory=list, repr=False)


Point = namedtuple("Point", "x y")  # noqa: PYI024 - both kinds are one to the code


class RaisingRepr:
    def __repr__(self):
        raise ValueError


class WrongText:
    def __repr__(self):
        return 5

    __str__ = __repr__


class OddItems(dict):
    def items(self):
        return [1, 2, 3]

    def __iter__(self):
        raise RuntimeError

    def __len__(self):
        return -1  # noqa: PLE0303 - that is the fault


class EqualToAll:
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


class NoClass:
    """Not even ``isinstance`` can ask it."""

    @property
    def __class__(self):
        raise RuntimeError


class Hostile:
    """Answers nothing at all."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __eq__(self, other):
        raise RuntimeError

    def __hash__(self):
        raise RuntimeError

    __str__ = __repr__ = __bool__ = __len__ = __iter__ = __index__ = __int__ = __hash__


class HostileText(str):
    """A text whose own methods do not work."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        raise RuntimeError

    __str__ = __repr__ = __len__ = encode = replace = strip = lambda self, *_: self == 0


class HostileNumber(int):
    """A number that does not say which."""

    __hash__ = int.__hash__

    def __eq__(self, other):
        raise RuntimeError

    __str__ = __repr__ = __int__ = __index__ = __bool__ = __add__ = __radd__ = lambda self, *_: (
        self == 0
    )


#: Makers: not even pytest can hold the objects themselves.
HOSTILE = [NoClass, Hostile, HostileText, HostileNumber]


def circular():
    value = [1]
    value.append({"again": value})
    return value


def deep(levels=5000):
    value = []
    for _ in range(levels):
        value = [value]
    return value


#: Any text at all: control characters, NUL, lone surrogates, what COPY and JSON escape.
texts = st.one_of(
    st.text(),
    st.text(st.characters(codec=None)),
    st.text(
        st.sampled_from("\0\t\n\r\\.\"'\x18\x7f\ud800\udfff\U0001f600é {}[]:=u0Nbx"), max_size=30
    ),
    st.sampled_from(
        ["", "\\.", "\\N", "\\u0000", "\x18", "a\x18", "NaN", "postgres://u:hunter2@h/db", "\\\x00"]
    ),
)
keys = st.one_of(
    texts,
    st.sampled_from(["count", "page", "password", "token", "max_tokens", "1", "true", "null"]),
)
odd_keys = st.one_of(
    keys, st.integers(), st.none(), st.booleans(), st.floats(), st.dates(), st.tuples(st.integers())
)
plain_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**60, max_value=2**70),
    st.sampled_from([10**400, 2**64, 2**64 - 1, -(2**63), -(2**63) - 1]),
    # Built, not listed: Python refuses the repr of so many digits.
    st.builds(pow, st.just(-10), st.integers(4000, 9000)),
    st.floats(),
    texts,
    st.binary(max_size=50),
    st.datetimes(timezones=st.sampled_from([None, dt.UTC])),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.uuids(),
    st.sampled_from(
        [
            Colour.RED,
            Colour.ODD,
            Level.LOW,
            pathlib.PurePosixPath("/a/\udcff"),
            Contact,
            len,
            range(3),
        ]
    ),
    st.builds(ValueError, texts),
    st.builds(RaisingRepr),
    st.builds(WrongText),
    st.builds(object),
    st.builds(circular),
    st.builds(deep),
    st.builds(memoryview, st.binary(max_size=9)),
    st.sets(st.integers(), max_size=4),
    st.frozensets(texts, max_size=3),
)
#: Anything, nested anyhow.
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(deque),
        st.dictionaries(odd_keys, inner, max_size=4),
        st.dictionaries(odd_keys, inner, max_size=4).map(OddItems),
        st.dictionaries(keys, inner, max_size=4).map(OrderedDict),
        st.dictionaries(keys, inner, max_size=4).map(lambda it: defaultdict(list, it)),
        st.builds(Contact, inner, inner),
        st.builds(Point, inner, inner),
    ),
    max_leaves=15,
)
metas = st.one_of(
    st.none(),
    st.dictionaries(keys, plain_values, max_size=5),
    st.dictionaries(keys, values, max_size=5),
)
any_level = st.one_of(st.integers(-5, 60), st.none(), st.floats(), texts, st.just([]))
#: The arguments of ``encode`` after the run, in their order.
any_call = {
    "created": st.one_of(st.floats(), st.none(), st.integers(), texts, st.just(1e9)),
    "levelno": any_level,
    "levelname": st.one_of(
        st.none(), st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR"]), values
    ),
    "step": values,
    "message": values,
    "meta": st.one_of(metas, values),
}
