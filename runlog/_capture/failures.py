"""What becomes of an error in a log call: it is told once, and the program does not notice.

Runs on the caller's thread, in the except blocks of the ways in.
"""

from __future__ import annotations

import contextlib

from runlog._process import exit  # noqa: A004 - the room's word for it
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices, say


def tell_failure(error: Exception, what: str) -> bool:
    """Tell that ``what`` happened, the first time for each error; False if it is the program's.

    That is what a signal handler of the program raised: it must go on to where it was meant for.
    """
    try:
        if is_interrupt(error):
            return False
        notices.change(what, repr(error), f"{what}: {error!r}")
    except RecursionError:
        # So near the limit that even this much is not possible; told at the end.
        with contextlib.suppress(RecursionError):
            _untold.append(what)
    return True


_untold: list[str] = []


def _tell_untold() -> None:
    told, _untold[:] = list(_untold), []
    for what in sorted(set(told)):
        count = told.count(what)
        say(f"{what}, {count} time{'s' * (count > 1)}, for the depth of the recursion")


exit.before_exit.append(_tell_untold)
