"""Who has stored a LogRecord: a mark on the record that nobody sees, else a table.

All records of a process name their process with one and the same string object. The mark is another
object with the same letters: no formatter, filter or pickle can tell the difference, copies take it
along, and it goes with the record. Runs on the caller's thread for every stored record; must not
block and must not raise.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

# CPython has one object for each text of at most one letter, so there can be no other.
_SHORTEST_MARKED = 2
_MOST_MARKS = 4096


class Claims:
    """The claims of one recorder."""

    __slots__ = ("mark", "plain")

    def __init__(self) -> None:
        self.plain: object = self
        """The name of this process as unmarked records have it."""
        self.mark = ""
        """What replaces it."""

    def take(self, record: logging.LogRecord) -> bool:
        """Note that ``record`` is stored; False when it was already, it or what it is a copy of."""
        name = record.processName
        if name is self.mark:
            return False
        if type(name) is not str or len(name) < _SHORTEST_MARKED:
            return self._take_by_table(record)
        holders = _holders_of(name)
        if self in holders:
            return False
        mark = _marks.get((name, holders, self))
        if mark is None:
            if len(_marks) >= _MOST_MARKS:
                # A program that makes up names without end; marks on live records are forgotten.
                _marks.clear()
                _holders.clear()
            mark = _marks[name, holders, self] = f"{name[:1]}{name[1:]}"
            _holders[id(mark)] = (mark, (*holders, self))
        record.processName = mark
        if not holders:
            self.plain, self.mark = name, mark
        return True

    def _take_by_table(self, record: logging.LogRecord) -> bool:
        key = id(record)
        known = _unmarked.get(key)
        if known is None or known[0]() is not record:
            reference = weakref.ref(record, lambda _: _unmarked.pop(key, None))
            known = _unmarked[key] = (reference, [])
        if self in known[1]:
            return False
        known[1].append(self)
        return True


_marks: dict[tuple[str, tuple[Claims, ...], Claims], str] = {}
_holders: dict[int, tuple[str, tuple[Claims, ...]]] = {}
_unmarked: dict[int, tuple[weakref.ref[logging.LogRecord], list[Claims]]] = {}


def holders_of(record: logging.LogRecord) -> tuple[Claims, ...]:
    """Return whose claim ``record`` is already."""
    unmarked = _unmarked.get(id(record))
    if unmarked is not None and unmarked[0]() is record:
        return tuple(unmarked[1])
    name = record.processName
    return _holders_of(name) if name is not None else ()


def _holders_of(name: str) -> tuple[Claims, ...]:
    found = _holders.get(id(name))
    return found[1] if found is not None and found[0] is name else ()
