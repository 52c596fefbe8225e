"""A column of ``runs`` as an attribute of ``RunContext``; a word on attributes that are none.

Runs on any thread; never blocks, never raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from runlog._entry.texts import repr_of, shorten
from runlog._recorder.run_state import tell_refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID


_Read = TypeVar("_Read")
_Written = TypeVar("_Written")


class Column(Generic[_Read, _Written]):
    """An attribute that is stored; what it cannot take is told once, and left out."""

    def __init__(self, read: Callable[[Any], Any] | None = None) -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, run: None, owner: type) -> Self: ...

    @overload
    def __get__(self, run: object, owner: type) -> _Read: ...

    def __get__(self, run: Any, owner: type) -> Any:
        if run is None:
            return self
        value = run._state.get(self._name)  # noqa: SLF001 - of one room
        return value if self._read is None or value is None else self._read(value)

    def __set__(self, run: Any, value: _Written) -> None:
        run._state.put(self._name, value)  # noqa: SLF001 - as above


def as_uuid(text: str) -> UUID:
    """Return the UUID of a text that is one."""
    from uuid import UUID

    return UUID(text)


_SHOWN = 200
_INSTEAD = {
    "status": 'use run.fail("…")',
    "error_message": 'use run.fail("…")',
    "fetched": "use run.count(fetched=…), which adds, or run.records_fetched = …",
    "inserted": "use run.count(inserted=…), which adds, or run.records_inserted = …",
    "updated": "use run.count(updated=…), which adds, or run.records_updated = …",
    "failed": "use run.count(failed=…), which adds, or run.records_failed = …",
    "since": "use run.sync_start_date",
    "count": "use run.count(fetched=…)",
    "step": 'use "with run.step(…):"',
}


_MISSING = object()


def is_refused(run: object, name: str, value: object) -> bool:
    """Tell of ``run.name = value`` where it would do nothing; True if it must not be done either.

    Methods and what a run tells of itself stay what they are. Other names become ordinary
    attributes, with a word when they look like a mistake.
    """
    kind = type(run)
    known = getattr(kind, name, _MISSING)
    what = f"{name} = {shorten(repr_of(value), _SHOWN)}"
    if known is _MISSING:
        _tell_unknown(kind, name, what)
        return False
    is_method = callable(known) and getattr(known, "__module__", "").startswith("runlog.")
    is_question = isinstance(known, property) and known.fset is None
    # A test may put something else in the place of a method.
    if not is_question and (not is_method or callable(value)):
        return False
    tell_refused(name, what, _INSTEAD.get(name, "it cannot be set"))
    return True


def _tell_unknown(kind: type, name: str, what: str) -> None:
    columns = [word for word in dir(kind) if isinstance(getattr(kind, word), (Column, property))]
    import difflib

    close = difflib.get_close_matches(name, columns, n=1, cutoff=0.75)
    # Classes of the program's have attributes of their own.
    if close or name in _INSTEAD or kind.__module__.startswith("runlog."):
        hint = f'did you mean "{close[0]}"?' if close else "put it into run.metadata"
        tell_refused(name, what, f"no column is called so; {_INSTEAD.get(name, hint)}")
