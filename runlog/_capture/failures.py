"""What becomes of an error in a log call: it is told once, and the program does not notice.

Runs on the caller's thread, in the except blocks of the ways in.
"""

from __future__ import annotations

import contextlib
import itertools
import os

from runlog._entry.texts import repr_of, type_name
from runlog._process import exit  # noqa: A004 - the room's word for it
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices, say
from runlog._process.state import process
from runlog._readable import plural
from runlog._spool.segment import counted


class Failures:
    """How many calls of this process failed, by what became of them."""

    def __init__(self) -> None:
        self.counts: dict[tuple[int, str], itertools.count[int]] = {}
        """By process, for a forked child has its parent's, and by what became of them."""
        self.said: set[str] = set()


_failures = process.part(Failures)


def tell_failure(error: Exception, what: str) -> bool:
    """Count that ``what`` happened, and tell it the first time for each kind of error.

    Returns False if the error is the program's: what a signal handler of it raised must go on to
    where it was meant for.
    """
    try:
        if is_interrupt(error):
            return False
        notices.explain(what, "some", type_name(error), f"{what}: {repr_of(error)}")
        _failures.said.add(what)
    except RecursionError:
        # So near the limit that even this much is not possible; told at the end.
        pass
    with contextlib.suppress(RecursionError):
        next(_failures.counts.setdefault((os.getpid(), what), itertools.count()))
    return True


def _tell_counts() -> None:
    for (number, what), count in sorted(_failures.counts.items()):
        times = counted(count)
        if number == os.getpid() and (times > 1 or what not in _failures.said):
            say(f"{what}, {plural(times, 'time')} in all")


exit.before_exit.append(_tell_counts)
