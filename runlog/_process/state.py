"""What a process has one of, on one object, ``process``; a test replaces all of it in one line.

Each room tells it what is the process's where that is defined: a part, a binding, a variable. So
nobody below knows who stands above. A part stays the object that it is, and is imported as such;
what it holds is exchanged. ``fresh`` is for tests, on the thread that runs them.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Token

_T = TypeVar("_T")


class Process:
    """All that belongs to this process, and not to one recorder, run or handler of it."""

    def __init__(self) -> None:
        self._parts: list[object] = []
        self._bindings: list[ContextVar[Any]] = []
        self._variables: list[str] = []

    def part(self, kind: type[_T]) -> _T:
        """Return the process's only ``kind``, which is made without arguments."""
        made = kind()
        self._parts.append(made)
        return made

    def binding(self, name: str) -> ContextVar[Any]:
        """Return a variable of contexts that is None where nothing was bound."""
        variable: ContextVar[Any] = ContextVar(name, default=None)
        self._bindings.append(variable)
        return variable

    def variable(self, name: str) -> str:
        """Return ``name``: a variable of the environment that tells child processes something."""
        self._variables.append(name)
        return name

    @contextmanager
    def fresh(self) -> Iterator[None]:
        """Be a process that has just begun, as far as runlog knows; afterwards the one before."""
        before = {id(part): vars(part) for part in self._parts}
        environment = {name: os.environ.pop(name, None) for name in self._variables}
        with ExitStack() as stack:
            for variable in self._bindings:
                stack.callback(put_back, variable, variable.set(None))
            for part in self._parts:
                _begin_anew(part)
            try:
                yield
            finally:
                for part in self._parts:
                    # What a module has entered that was imported meanwhile was not there before.
                    _begin_anew(part, before.get(id(part)))
                for name in self._variables:
                    _set(name, environment.get(name))


def _begin_anew(part: object, holding: dict[str, Any] | None = None) -> None:
    # In one step: threads of recorders that are put aside use it at the same time.
    part.__dict__ = vars(type(part)()) if holding is None else holding


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def put_back(variable: ContextVar[_T], token: Token[_T]) -> None:
    """Give ``variable`` the value it had before, in the context where it was given another.

    A generator that is closed by another task, or in another thread, ends in another context:
    there is nothing to put back there.
    """
    with suppress(ValueError):
        variable.reset(token)


process = Process()
