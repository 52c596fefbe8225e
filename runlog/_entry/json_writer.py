"""Meta → JSON bytes: at full speed for plain values, with every care for all others.

Lives here: the two ways and the guard between them. They agree byte for byte: what the fast way
would write differently, it leaves to the careful one. Not here: what the careful way makes of odd
values (``jsonable``). Pure; runs on the caller's thread; never raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._entry.jsonable import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TEXT,
    TEXT_SHIFT,
    jsonable,
    most_nodes,
)
from runlog._entry.pack import packer
from runlog._entry.redaction.keys import Secrecy
from runlog._entry.texts import storable, type_name
from runlog._process.interrupts import is_interrupt

if TYPE_CHECKING:
    from runlog._entry.redaction.redactor import Redactor

_NOT_PLAIN = -1
_MOST_KEYS = 4096
_LONGEST_KEPT_KEY = 200
# No secret is shorter than this when it is letters and digits only.
_SHORTEST_SECRET = 20


class JsonWriter:
    """Writes any value as JSON that PostgreSQL's jsonb accepts; keys keep their order.

    Thread-safe. Loads orjson when made, not when imported.

    Args:
        redactor: hides secrets in texts and under secret keys.
        max_text: characters kept of one text. Default: 262144.
    """

    __slots__ = (
        "_dumps",
        "_max_text",
        "_most_nodes",
        "_redact",
        "_redactor",
        "_short_is_plain",
        "pack",
        "plain_keys",
    )

    def __init__(self, redactor: Redactor, *, max_text: int = MAX_TEXT) -> None:
        self._dumps = self.pack = packer()
        """The JSON of what ``structure`` returned, or of a part of it."""
        self._redactor = redactor
        self._redact = redactor.redact_text
        self._max_text = max_text
        self._most_nodes = most_nodes(max_text)
        self._short_is_plain = not redactor.has_own_rules
        # Keys that neither are secret nor hold one.
        self.plain_keys: dict[str, bool] = {}

    def dumps(self, value: Any) -> bytes:
        """Return the JSON of ``value``, without the escaping of COPY."""
        try:
            if type(value) is not dict or self._rest_after_dict(value, 0, self._most_nodes) < 0:
                return self.dumps_carefully(value)
            data = self._dumps(value)
        except Exception as error:
            if is_interrupt(error):
                raise
            # An integer beyond 64 bits, a surrogate, a dict that changed meanwhile: the careful
            # way knows them all.
            return self.dumps_carefully(value)
        # jsonb refuses NUL; the same letters after a backslash are rare enough to come along.
        return data if b"\\u0000" not in data else self.dumps_carefully(value)

    def dumps_carefully(self, value: Any) -> bytes:
        """Return the same as ``dumps``, with no short way."""
        try:
            return self._dumps(self.structure(value))
        except Exception as error:
            if is_interrupt(error):
                raise
            mark = b'"<unrepresentable %b: %b>"' % (
                storable(type_name(value)).encode("ascii", "replace").replace(b'"', b"'"),
                type_name(error).encode("ascii", "replace"),
            )
            return b'{"meta":%b}' % mark if type(value) is dict else mark

    def structure(self, value: Any) -> Any:
        """Return ``value`` as plain dicts, lists, texts and numbers."""
        structure = jsonable(value, self._redactor, max_text=self._max_text)
        # A dict stays one whatever happened: who adds a field to it relies on that.
        is_marked = type(value) is dict and type(structure) is not dict
        return {"meta": structure} if is_marked else structure

    def _rest_after_dict(self, value: dict[Any, Any], depth: int, left: int) -> int:
        """Return how many values may still follow, or below zero when a value is not plain."""
        size = len(value)
        left -= size
        if size > MAX_ITEMS or depth > MAX_DEPTH:
            return _NOT_PLAIN
        keys = self.plain_keys
        for key, item in value.items():
            if key not in keys and not self._is_plain_key(key):
                return _NOT_PLAIN
            kind = type(item)
            if kind is int or kind is bool or item is None:
                continue
            # As ``_rest_after`` does; texts are most of what meta holds, and a call costs more.
            if kind is str:
                if self._short_is_plain and len(item) < _SHORTEST_SECRET and item.isalnum():
                    continue
                left -= len(item) >> TEXT_SHIFT
                if left < 0 or len(item) > self._max_text or self._redact(item) is not item:
                    return _NOT_PLAIN
                continue
            left = self._rest_after(item, kind, depth, left)
            if left < 0:
                return _NOT_PLAIN
        return left

    def _rest_after_list(self, value: list[Any], depth: int, left: int) -> int:
        size = len(value)
        left -= size
        if size > MAX_ITEMS or depth > MAX_DEPTH:
            return _NOT_PLAIN
        for item in value:
            kind = type(item)
            if kind is int or kind is bool or item is None:
                continue
            left = self._rest_after(item, kind, depth, left)
            if left < 0:
                return _NOT_PLAIN
        return left

    def _rest_after(  # noqa: PLR0911 - one return a kind
        self, item: Any, kind: type, depth: int, left: int
    ) -> int:
        if kind is str:
            if self._short_is_plain and len(item) < _SHORTEST_SECRET and item.isalnum():
                return left
            left -= len(item) >> TEXT_SHIFT
            # Redaction and marks keep the very object when there is nothing to do.
            if left < 0 or len(item) > self._max_text or self._redact(item) is not item:
                return _NOT_PLAIN
            return left
        if kind is float:
            # Infinity minus itself is not a number either.
            return left if item - item == 0.0 else _NOT_PLAIN
        if kind is dict:
            return self._rest_after_dict(item, depth + 1, left)
        if kind is list:
            return self._rest_after_list(item, depth + 1, left)
        return _NOT_PLAIN

    def _is_plain_key(self, key: Any) -> bool:
        if type(key) is not str or len(key) > _LONGEST_KEPT_KEY:
            return False
        if self._redactor.secrecy_of(key) is not Secrecy.OPEN:
            return False
        if self._redactor.redact_or_raise(key) is not key:
            return False
        if len(self.plain_keys) >= _MOST_KEYS:
            self.plain_keys.clear()
        self.plain_keys[key] = True
        return True
