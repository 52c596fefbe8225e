"""A run around a function: plain, async, generator or async generator.

Each call is a run of its own. The function's name, docstring and signature stay. A generator's run
lasts until the generator is exhausted, closed or left by an exception; between two items the code
that consumes it is not in the run.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from runlog._recorder import open_runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator
    from types import TracebackType

    from runlog._recorder.run_state import RunState

_F = TypeVar("_F", bound="Callable[..., Any]")


class _Run(Protocol):
    def _copy(self) -> Any: ...


class Decorator:
    """Makes its subclass, a context manager with ``copy``, usable as ``@RunContext("name")``."""

    def __call__(self, function: _F) -> _F:
        """Return ``function`` with a new run around each call."""
        make = cast("_Run", self)._copy  # noqa: SLF001 - the class made of it
        return cast("_F", functools.wraps(function)(_wrapped(function, make)))


def _wrapped(function: Callable[..., Any], make: Callable[[], Any]) -> Callable[..., Any]:
    import inspect

    if inspect.isasyncgenfunction(function):
        return _async_generator(function, make)
    if inspect.iscoroutinefunction(function):

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            async with make():
                return await function(*args, **kwargs)

        return coroutine
    if inspect.isgeneratorfunction(function):
        return _generator(function, make)

    def plain(*args: Any, **kwargs: Any) -> Any:
        with make():
            return function(*args, **kwargs)

    return plain


def _generator(function: Callable[..., Any], make: Callable[[], Any]) -> Callable[..., Any]:
    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        run, inside = make(), _Inside()
        with inside:
            run.__enter__()
        inner = function(*args, **kwargs)
        # Emptied at each yield: the item is the consumer's alone, who may want its memory back.
        items: list[Any] = []
        resume = functools.partial(inner.send, None)
        while True:
            try:
                with inside:
                    items.append(resume())
            except StopIteration as stop:
                inside.leave(run, None)
                return stop.value
            except BaseException as error:
                inside.leave(run, error)
                raise
            try:
                resume = functools.partial(inner.send, (yield items.pop()))
            except BaseException as error:
                # Thrown in by the consumer; GeneratorExit when it closes the generator.
                resume = functools.partial(inner.throw, error)

    return generator


def _async_generator(function: Callable[..., Any], make: Callable[[], Any]) -> Callable[..., Any]:
    async def async_generator(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        run, inside = make(), _Inside()
        with inside:
            await run.__aenter__()
        inner = function(*args, **kwargs)
        items: list[Any] = []
        resume = functools.partial(inner.asend, None)
        while True:
            try:
                with inside:
                    items.append(await resume())
            except StopAsyncIteration:
                inside.leave(run, None)
                return
            except BaseException as error:
                inside.leave(run, error)
                raise
            try:
                resume = functools.partial(inner.asend, (yield items.pop()))
            except BaseException as error:
                resume = functools.partial(inner.athrow, error)

    return async_generator


class _Inside:
    """The run and the step of a generator's own code, in force only while that code runs."""

    def __init__(self) -> None:
        self._inside = self._outside = self._bound()

    @staticmethod
    def _bound() -> tuple[RunState | None, str | None]:
        return open_runs.run_variable.get(), open_runs.step_variable.get()

    @staticmethod
    def _bind(run: RunState | None, step: str | None) -> None:
        open_runs.run_variable.set(run)
        open_runs.step_variable.set(step)

    def __enter__(self) -> None:
        self._outside = self._bound()
        self._bind(*self._inside)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._inside = self._bound()
        self._bind(*self._outside)

    def leave(self, run: Any, error: BaseException | None) -> None:
        """End ``run`` from inside."""
        with self:
            run.__exit__(
                type(error) if error else None, error, error.__traceback__ if error else None
            )
