"""A line that the disk took only in part: readers skip it, and no other line runs into it.

Its caller writes it once more, elsewhere. What stands of it is ended by ``CANCEL``; until that is
there nothing else may be written behind it, or that would be taken for its end. Any thread.
"""

from __future__ import annotations

from runlog._entry.copy_text import CANCEL


class WholeLines:
    """Puts lines whole, or says that they are not."""

    __slots__ = ("is_torn",)

    def __init__(self) -> None:
        self.is_torn = False
        """A line stands there in part, and ``CANCEL`` could not be put behind it."""

    def put(self, line: bytes) -> bool:
        """Write ``line``; False if it was not written whole."""
        if self.is_torn and not self.cancel():
            return False
        written = self._write(line)
        if 0 < written < len(line):
            self.cancel()
        return written == len(line)

    def cancel(self) -> bool:
        """Have readers skip what stands of a line; False if that cannot be said now."""
        # First: whoever tears a line meanwhile says so afterwards.
        self.is_torn = False
        left = CANCEL
        try:
            while left and (written := self._write(left)):
                left = left[written:]
        finally:
            if left:
                self.is_torn = True
        return not left

    def _write(self, data: bytes) -> int:
        """Return how many bytes of ``data`` were written; 0 also where none can be."""
        raise NotImplementedError
