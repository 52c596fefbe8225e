"""Pauses of random length, so that fifty scripts do not all come back in step. Any thread."""

from __future__ import annotations

import os


def between(shortest: float, longest: float) -> float:
    """Return a number between the two."""
    # The system's: a script that has seeded ``random`` counts on what comes out of it, and there
    # may be no descriptor free to import it with.
    return shortest + (longest - shortest) * int.from_bytes(os.urandom(4), "big") / 2**32
