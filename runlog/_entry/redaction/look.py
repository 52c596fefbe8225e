"""The quick look: whether a text can hold any secret at all.

Lives here: the looks, put together once from the hints that stand beside their patterns
(``issued``, ``forms``, ``named``). Nothing is known here that is not known there, and a test
compares both ways: what a look finds innocent, no pattern changes. Pure; runs on the caller's
thread for every text.

A chain of ``in`` is far faster than one pattern for all, and a chain in one expression than a loop
over a table (as ``collections.namedtuple`` makes its code).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._entry.redaction import forms, issued, named

if TYPE_CHECKING:
    from collections.abc import Callable


class Looks(NamedTuple):
    """Each is called with a text, and is true where the closer look is worth it."""

    any: Callable[[str], Any]
    """At all: for any of the following."""
    forms: Callable[[str], Any]
    """For what shows by its form or is issued."""
    named: Callable[[str], Any]
    """For what is recognised by its name."""
    separated: Callable[[str], Any]
    """For what stands behind any name, also one that only the user knows."""


@cache
def looks() -> Looks:
    """Return the looks, made when they are needed first."""
    of_issued, called = issued.tests()
    called = called | named.CALLED
    exact, folded = forms.tests()
    shown = _any_of([*of_issued, *exact])
    in_low = _any_of(folded)
    separated = _any_of(list(named.TESTS))
    stems = _any_of(list(named.STEM_TESTS))
    low = "(low := text.lower())"
    return Looks(
        any=_made(f"{shown} or ({low} and ({in_low} or ({stems} and {separated})))", called),
        forms=_made(f"{shown} or ({low} and {in_low})", called),
        named=_made(f"{separated} and {low} and {stems}", called),
        separated=_made(separated, called),
    )


def _any_of(tests: list[str]) -> str:
    return f"({' or '.join(f'({test})' for test in tests)})"


def _made(expression: str, called: dict[str, object]) -> Callable[[str], Any]:
    look: Callable[[str], Any] = eval(f"lambda text: {expression}", dict(called))  # noqa: S307 - of the tables alone
    return look
