"""The clock by which runlog waits, and its sleep, whatever a program has put in their place.

freezegun and mocks put their own in the place of each module's ``time.monotonic``: that stands
still, and comes and goes with a jump of decades, so that a wait by it would never end. Moments, as
of records, are told as the program sees them. Any thread.
"""

from __future__ import annotations

import time

# In a tuple, for what modules hold by name is what is replaced.
_OWN = (time.monotonic, time.sleep)


def monotonic() -> float:
    """Return seconds that never jump, as ``time.monotonic`` does."""
    return _OWN[0]()


def sleep(seconds: float) -> None:
    """Wait for ``seconds``, as ``time.sleep`` does."""
    _OWN[1](seconds)
