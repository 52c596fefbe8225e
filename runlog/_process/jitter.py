"""Pauses of random length, so that fifty scripts do not all come back in step. Any thread."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


def between(shortest: float, longest: float) -> float:
    """Return a number between the two."""
    return _own().uniform(shortest, longest)


@functools.cache
def _own() -> Random:
    # Not the shared one: a script that has seeded it counts on what comes out of it.
    from random import Random

    return Random()  # noqa: S311 - spreading load, not a secret
