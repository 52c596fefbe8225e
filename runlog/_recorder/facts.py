"""Facts: a dict whose values become JSON at the moment they are put in.

``run.metadata`` is one. Reading gives back what was put in. What is stored is what a value was when
it was put in, but for containers, whose content is taken once more when the run ends, on the thread
that ends it. Writers are the user's threads; the shipper's only reads texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, MutableSet
from typing import Any, Self

from runlog._entry.cut import cut_json
from runlog._entry.jsonable import jsonable
from runlog._entry.pack import pack
from runlog._entry.redaction.redactor import Redactor

ToJson = Callable[[Any], str]

MOST_BYTES = 2**18
"""Of all facts together, as of an entry: an update carries them, and has to get through."""

_CONTAINERS = (MutableMapping, MutableSequence, MutableSet, tuple)
# Secrets are hidden when the JSON is written: only the recorder knows what is one.
_OPEN = Redactor(enabled=False)
_MISSING = object()


class Facts(dict[str, Any]):
    """A dict that keeps the JSON of its values beside them.

    Any thread; never raises but for what a dict raises.
    """

    def __init__(self, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.writer: ToJson | None = None
        self._names: dict[Any, str] = {}
        self._plain: dict[str, Any] = {}
        """Name → its value in plain dicts, lists, texts and numbers."""
        self._written: dict[str, str] = {}
        """Name → ``"name": value``, a piece of JSON."""
        self.update(facts or {})

    def write_with(self, to_json: ToJson) -> None:
        """Write what there is and what will come with ``to_json``, without secrets."""
        self.writer = to_json
        for name, plain in list(self._plain.items()):
            self._written[name] = self._piece(name, plain, to_json)

    def again(self) -> Facts:
        """Return the same facts for another run, without asking any value again."""
        other = Facts()
        dict.update(other, self)
        other._names, other._plain = self._names.copy(), self._plain.copy()
        return other

    def put_plain(self, name: str, value: Any) -> None:
        """Put in what needs no care; calls nothing of the user's, so the shipper's thread may."""
        try:
            piece = pack({name: value}).decode()[1:-1]
        except TypeError:
            # A number that is too long: the rest, and the end of the run, must not be lost for it.
            return
        super().__setitem__(name, value)
        self._names[name] = name
        self._plain[name] = value
        self._written[name] = piece

    def pieces(self) -> list[str]:
        """Return the facts as pieces of JSON, at most ``MOST_BYTES`` of them."""
        pieces = dict(self._written)
        size = sum(map(len, pieces.values()))
        if size <= MOST_BYTES:
            return list(pieces.values())
        # The longest first; where their cuts are too many as well, they go, too.
        for name in sorted(pieces, key=lambda name: len(pieces[name]), reverse=True) * 2:
            if size <= MOST_BYTES:
                break
            piece = pieces.pop(name, None)
            if piece is not None:
                size -= len(piece)
                cut = self._piece(name, f"<cut; {len(piece)} characters in all>", self.writer)
                if len(cut) < len(piece):
                    pieces[name] = cut
                    size += len(cut)
        return list(pieces.values())

    def take_again(self) -> None:
        """Take containers once more: what was put into them since."""
        for key, value in list(self.items()):
            if issubclass(type(value), _CONTAINERS):
                self._take(key, value)

    def _take(self, key: Any, value: Any) -> None:
        told = jsonable({key: value}, _OPEN)
        name, plain = next(iter(told.items())) if type(told) is dict else (repr(type(key)), told)
        name = self._names.setdefault(key, self._free(name))
        self._plain[name] = plain
        if self.writer is not None:
            self._written[name] = self._piece(name, plain, self.writer)

    def _free(self, name: str) -> str:
        # That one is runlog's own, beside what the user gives.
        free, number = name, 2
        while free == "runlog" or free in self._plain:
            free, number = f"{name} #{number}", number + 1
        return free

    @staticmethod
    def _piece(name: str, plain: Any, to_json: ToJson | None) -> str:
        assert to_json is not None  # noqa: S101 - for the type checker
        piece = to_json({name: plain})
        if len(piece) > MOST_BYTES:
            piece = cut_json(
                {name: plain}, MOST_BYTES, lambda part: to_json(part).encode()
            ).decode()
        return piece[1:-1] if piece[:1] == "{" else f'"unwritten": {piece}'

    def _drop(self, key: Any) -> None:
        name = self._names.pop(key, None)
        if name is not None:
            self._plain.pop(name, None)
            self._written.pop(name, None)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._take(key, value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._drop(key)

    def update(self, *facts: Any, **named: Any) -> None:
        """As a dict's."""
        for key, value in dict(*facts, **named).items():
            self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As a dict's."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """As a dict's."""
        value = super().pop(key) if default is _MISSING else super().pop(key, default)
        self._drop(key)
        return value

    def popitem(self) -> tuple[str, Any]:
        """As a dict's."""
        key, value = super().popitem()
        self._drop(key)
        return key, value

    def clear(self) -> None:
        """As a dict's."""
        super().clear()
        self._names, self._plain, self._written = {}, {}, {}

    def __ior__(self, facts: Any) -> Self:  # type: ignore[override,misc]
        self.update(facts)
        return self

    def copy(self) -> dict[str, Any]:
        """Return a dict of its own, which nothing stores."""
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)
