"""What this process has used: memory at its peak, and time of the processor.

Any thread; never blocks, never raises.
"""

from __future__ import annotations

import sys
import time

_GROWN = 1.1
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Of ``ru_maxrss``: https://man7.org/linux/man-pages/man2/getrusage.2.html"""


class Usage:
    """What is used from now on, by this process and by the children that it has waited for."""

    def __init__(self) -> None:
        self._before = _cpu_seconds()
        self._told_peak = 0.0

    def numbers(self) -> dict[str, float | None]:
        """Return ``peak_memory_bytes``, of the largest process so far, and ``cpu_seconds``."""
        self._told_peak = _peak_bytes()
        return {
            "peak_memory_bytes": int(self._told_peak) or None,
            "cpu_seconds": round(_cpu_seconds() - self._before, 3),
        }

    def has_grown(self) -> bool:
        """Tell whether the peak is a tenth above what was last told."""
        return _peak_bytes() > _GROWN * self._told_peak


def _peak_bytes() -> float:
    try:
        from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
    except ImportError:
        return 0.0
    return float(max(getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)) * _UNIT)


def _cpu_seconds() -> float:
    try:
        from resource import RUSAGE_CHILDREN, getrusage
    except ImportError:
        return time.process_time()
    children = getrusage(RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
