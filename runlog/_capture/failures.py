"""What becomes of an error in a log call: it is told once, and the program does not notice.

Runs on the caller's thread, in the except blocks of the ways in.
"""

from __future__ import annotations

import contextlib

from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices


def tell_failure(error: Exception, what: str) -> bool:
    """Tell that ``what`` happened, the first time for each error; False if it is the program's.

    That is what a signal handler of the program raised: it must go on to where it was meant for.
    """
    # Near the recursion limit even this much may not be possible.
    with contextlib.suppress(RecursionError):
        if is_interrupt(error):
            return False
        notices.change(what, repr(error), f"{what}: {error!r}")
    return True
