"""A run around a function: plain, async, generator or async generator.

Each call is a run of its own. The function's name, docstring and signature stay.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


class _Run(Protocol):
    def copy(self) -> Any: ...


class Decorator:
    """Makes its subclass, a context manager with ``copy``, usable as ``@RunContext("name")``."""

    def __call__(self, function: _F) -> _F:
        """Return ``function`` with a new run around each call."""
        make = cast("_Run", self).copy
        return cast("_F", functools.wraps(function)(_wrapped(function, make)))


def _wrapped(function: Callable[..., Any], make: Callable[[], Any]) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):

        async def async_generator(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            async with make():
                async for item in function(*args, **kwargs):
                    yield item

        return async_generator
    if inspect.iscoroutinefunction(function):

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            async with make():
                return await function(*args, **kwargs)

        return coroutine
    if inspect.isgeneratorfunction(function):

        def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with make():
                return (yield from function(*args, **kwargs))

        return generator

    def plain(*args: Any, **kwargs: Any) -> Any:
        with make():
            return function(*args, **kwargs)

    return plain
