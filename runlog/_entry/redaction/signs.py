"""The signs: the rare characters of which every secret has one, and the looks made of them.

Lives here: how tests for hints are put together, so that a text is asked only for hints whose sign
it has. Not here: the hints, which stand beside their patterns. Pure; the functions here run once,
what they return runs on the caller's thread for every text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The rarest in ordinary text first: a hint is looked for where the first of these that is in it is.
_SIGNS = "~@'<(%=JK:_A-."

has_sign = re.compile(f"[{re.escape(_SIGNS)}]").search


def sign_of(*hints: str) -> str:
    """Return the rarest sign that is in each of ``hints``; empty where there is none."""
    return next((sign for sign in _SIGNS if all(sign in hint for hint in hints)), "")


def with_signs(tests: Iterable[tuple[str, str]]) -> str:
    """Return one expression of ``text`` that is true where one of the tests is.

    Args:
        tests: the sign without which a test is false, and the test.
    """
    by_sign: dict[str, list[str]] = {}
    for sign, test in tests:
        by_sign.setdefault(sign, []).append(test)
    unsigned = by_sign.pop("", [])
    signed = [f"{sign!r} in text and {any_of(found)}" for sign, found in by_sign.items()]
    return any_of([*([f"has_sign(text) and {any_of(signed)}"] if signed else []), *unsigned])


def any_of(tests: Iterable[str]) -> str:
    """Return the expression that is true where one of ``tests`` is."""
    return f"({' or '.join(f'({test})' for test in tests)})"


def is_in(hints: Iterable[str], shown: str, gates: Iterable[str] = ()) -> str:
    """Return the expression that is true where one of ``hints`` is in the text called ``shown``.

    Args:
        hints: what is looked for.
        shown: the name of a variable.
        gates: pieces that several hints have in common; these are looked for only where the piece
            is there. One letter is found twice as fast as a word.
    """
    rest = list(hints)
    tests = []
    for gate in gates:
        behind = [hint for hint in rest if gate in hint]
        rest = [hint for hint in rest if gate not in hint]
        if behind:
            tests.append(f"{gate!r} in {shown} and {is_in(behind, shown)}")
    return any_of([*(f"{hint!r} in {shown}" for hint in rest), *tests])
