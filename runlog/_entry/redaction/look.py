"""The quick look: whether a text can hold any secret at all.

Lives here: the looks, put together once from the hints that stand beside their patterns
(``issued``, ``forms``, ``named``). Nothing is known here that is not known there, and a test
compares both ways: what a look finds innocent, no pattern changes. Pure; runs on the caller's
thread for every text.

A chain of ``in`` is far faster than one pattern for all, and a chain in one expression than a loop
over a table (as ``collections.namedtuple`` makes its code); fastest is not to ask (``signs``).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from runlog._entry.redaction import forms, issued, named
from runlog._entry.redaction.shape import fold
from runlog._entry.redaction.signs import has_sign, with_signs

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
def looks(*, folded: bool = False) -> Looks:
    """Return the looks, made when they are needed first.

    Args:
        folded: those for folded texts (``shape``).
    """
    as_shown = fold if folded else str
    of_issued, called = issued.tests(as_shown)
    shown = with_signs([*of_issued, *forms.tests(as_shown, is_folded=False)])
    in_low = with_signs(forms.tests(as_shown, is_folded=True))
    separated = with_signs(named.separator_tests(as_shown))
    low = "(low := as_shown(text.lower()))" if folded else "(low := text.lower())"
    stems = named.stem_test(as_shown)
    names = {**called, **named.called(as_shown), "has_sign": has_sign, "as_shown": as_shown}
    return Looks(
        any=_made(f"{shown} or ({low} and ({in_low} or ({separated} and {stems})))", names),
        forms=_made(f"{shown} or ({low} and {in_low})", names),
        named=_made(f"{separated} and {low} and {stems}", names),
        separated=_made(separated, names),
    )


def _made(expression: str, called: dict[str, object]) -> Callable[[str], Any]:
    look: Callable[[str], Any] = eval(f"lambda text: {expression}", dict(called))  # noqa: S307 - of the tables alone
    return look
