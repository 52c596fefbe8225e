"""Any value → a structure that JSON encodes and PostgreSQL's jsonb accepts, taken at the call.

Lives here: the walk through containers with its bounds, secrets under their keys, odd keys. Not
here: how single objects are told (``objects``), the bytes (``json_writer``). Pure; runs on the
caller's thread; never raises and never consumes an iterator.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from runlog._entry.objects import Shape, find_fields, find_form
from runlog._entry.redaction.harmless import is_harmless_in_meta
from runlog._entry.redaction.keys import Secrecy, split_words
from runlog._entry.redaction.marker import MARKER
from runlog._entry.texts import (
    repr_of,
    shorten_redacted,
    storable,
    text_of,
    type_name,
    unrepresentable,
    whole_number,
)
from runlog._process.interrupts import is_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runlog._entry.redaction.redactor import Redactor

MAX_DEPTH = 32
MAX_ITEMS = 10_000
MAX_NODES = 50_000
MAX_TEXT = 262_144
# What one value costs of the nodes that may be taken, so that time follows the entry's size: a
# text one for so many characters, and a key, which is looked at once for all entries, for more.
TEXT_SHIFT = 5
_KEY_SHIFT = 8
_MORE = "…"
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_BASES = (list, tuple, set, frozenset, deque)


def most_nodes(max_text: int) -> int:
    """Return how many values are taken, the characters of long texts counted in."""
    return max(MAX_NODES, max_text >> 2)


def jsonable(value: object, redactor: Redactor, *, max_text: int = MAX_TEXT) -> Any:
    """Return ``value`` in dicts, lists, texts, numbers, booleans and None; odd things are marked.

    A snapshot: nothing of the value is shared with the result. Decimals and integers beyond 64
    bits become texts, for they would be rounded by whoever reads the JSON.

    Args:
        value: anything.
        redactor: hides secrets in texts and under secret keys.
        max_text: characters kept of one text.
    """
    try:
        return _Walk(redactor, max_text).take(value, 0)
    except Exception as error:
        if is_interrupt(error):
            raise
        return unrepresentable(value, "reading it", error)


class _Walk:
    """One walk through one value; remembers the path down and how much has been taken."""

    __slots__ = ("_left", "_max_text", "_path", "_redactor")

    def __init__(self, redactor: Redactor, max_text: int) -> None:
        self._redactor = redactor
        self._max_text = max_text
        self._path: set[int] = set()
        # Below zero only by long texts: what follows is not looked at any more.
        self._left = most_nodes(max_text)

    def take(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return whole_number(value)
        if kind is float:
            return value if math.isfinite(value) else _NOT_FINITE[repr(value)]
        try:
            return self._take_other(value, kind, depth)
        except Exception as error:
            if is_interrupt(error):
                raise
            return unrepresentable(value, "reading it", error)

    def _text(self, text: str, shift: int = TEXT_SHIFT) -> str:
        size = len(text)
        self._left -= size >> shift
        if self._left < 0 and size >> shift:
            return f"<text of {size} characters>"
        if len(text) > self._max_text:
            return storable(shorten_redacted(text, self._max_text, self._redactor.redact_text))
        return storable(self._redactor.redact_text(text))

    def _take_other(self, value: Any, kind: type, depth: int) -> Any:  # noqa: PLR0911 - as many kinds
        if id(value) in self._path:
            return f"<circular reference to {type_name(value)}>"
        if self._left < 0:
            return f"<{type_name(value)} not shown: the entry is full>"
        if depth > MAX_DEPTH:
            return f"<{type_name(value)} deeper than {MAX_DEPTH} levels>"
        self._path.add(id(value))
        try:
            form = find_form(kind)
            if form is None or form is Shape.TUPLE:
                fields = find_fields(value)
                if fields is not None:
                    return self._dict(fields, len(fields), depth)
            if isinstance(form, Shape):
                return self._container(value, form, depth)
            if form is not None:
                return self.take(form(value), depth + 1)
            if issubclass(kind, Mapping):
                return self._container(value, Shape.MAPPING, depth)
            return self._text(repr_of(value))
        finally:
            self._path.discard(id(value))

    def _container(self, value: Any, shape: Shape, depth: int) -> Any:
        # The methods of the built-in types, not those of a subclass: they run no code of the
        # user's, and so they neither raise nor let another thread change the container meanwhile.
        if shape is Shape.DICT:
            size = dict.__len__(value)
            return self._dict(self._some(dict.items(value), size), size, depth)
        if shape is Shape.MAPPING:
            size = len(value)
            keys = self._some(value, size)
            return self._dict([(key, value[key]) for key in keys], size, depth)
        kind = type(value)
        base: Any = next((base for base in _BASES if issubclass(kind, base)), kind)
        iterate, size = base.__iter__, base.__len__(value)
        items = self._some(iterate(value), size)
        return self._list(_in_order(items) if shape is Shape.SET else items, size, depth)

    def _some(self, items: Iterable[Any], size: int) -> list[Any]:
        """Return the first items, as many as may still be taken."""
        return list(islice(items, max(0, min(size, MAX_ITEMS, self._left))))

    def _list(self, items: list[Any], size: int, depth: int) -> list[Any]:
        self._left -= len(items)
        taken = [self.take(item, depth + 1) for item in items]
        if size > len(items):
            taken.append(_more(size, len(items)))
        return taken

    def _dict(self, pairs: list[tuple[Any, Any]], size: int, depth: int) -> dict[str, Any]:
        self._left -= len(pairs)
        taken: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        for key, value in pairs:
            name = key if type(key) is str else self._name_of(key)
            secrecy = self._redactor.secrecy_of(name)
            shown = self._text(name, _KEY_SHIFT)
            if shown in taken:
                shown = _free_name(taken, shown, key, numbers)
            if secrecy and _is_hidden(name, value, secrecy):
                taken[shown] = MARKER
            else:
                taken[shown] = self.take(value, depth + 1)
        if size > len(pairs):
            taken[_free_name(taken, _MORE, None, numbers) if _MORE in taken else _MORE] = _more(
                size, len(pairs)
            )
        return taken

    def _name_of(self, key: Any) -> str:
        """Return the text of a key that is none, spelled as JSON spells the value."""
        if key is None or type(key) is bool:
            return {None: "null", True: "true", False: "false"}[key]
        form = find_form(type(key))
        if isinstance(form, Shape) or form is None:
            return repr_of(key)
        told = self.take(key, 0)
        return told if type(told) is str else text_of(told)


def _is_hidden(name: str, value: Any, secrecy: Secrecy) -> bool:
    """Say whether a value under a secret key is hidden: texts and objects are, counts are not."""
    kind = type(value)
    if value is None or kind is bool or (kind in _SIZED and not value):
        return False
    if kind is str and is_harmless_in_meta(name, value):
        return False
    if secrecy is Secrecy.STRONG:
        return True
    if kind is dict:
        figures = list(map(_is_figure, value.values()))
        # What counts tokens may name the model beside the figures.
        return not all(figures) and not (any(figures) and split_words(name)[-1] == "tokens")
    if kind is list or kind is tuple:
        return not all(map(_is_figure, value))
    return not _is_figure(value)


_SIZED = frozenset({str, bytes, dict, list, tuple})


def _is_figure(value: Any) -> bool:
    kind = type(value)
    return value is None or issubclass(kind, (int, float)) or hasattr(kind, "__index__")


def _free_name(taken: dict[str, Any], name: str, key: object, numbers: dict[str, int]) -> str:
    """Return a name for a key whose text another key has: ``1`` and ``1 (int)``.

    ``numbers`` remembers how far each name has been counted, for keys may share it by thousands.
    """
    if type(key) is not str:
        name = f"{name} ({type_name(key)})"
    number, free = numbers.get(name, 2), name
    while free in taken:
        free = f"{name} #{number}"
        number += 1
    numbers[name] = number
    return free


def _more(size: int, taken: int) -> str:
    return f"<{size - taken} more of {size} items>"


def _in_order(items: list[Any]) -> list[Any]:
    """Return the items of a set sorted when that runs no code of the user's."""
    kinds = set(map(type, items))
    return sorted(items) if kinds in ({str}, {int}) else items
