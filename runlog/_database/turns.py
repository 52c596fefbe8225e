"""Whoever finds other sessions in the way tries again: locks that are held, transactions that lost.

Nothing is left of what such a transaction did, so all of it is done once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from runlog._database import driver
from runlog._database.faults import is_in_the_way
from runlog._process import clock

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PAUSE_SECONDS = 0.5


def take_turns(attempt: Callable[[], T], attempts: int) -> T:
    """Return what ``attempt`` returns, a transaction of its own; up to ``attempts`` are made.

    Raises:
        psycopg.Error: another fault, or others were in the way of the last one too.
    """
    for _ in range(attempts - 1):
        try:
            return attempt()
        except driver.Error as error:
            if not is_in_the_way(error):
                raise
        clock.sleep(_PAUSE_SECONDS)
    return attempt()
