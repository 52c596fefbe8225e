"""The segments that a process left behind: the reading half of ``_segments``. Any thread."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Not blocking: a pipe of that name would be waited for."""


class StoredSegments:
    """The files of a process that is gone, with the reading half of ``SegmentWriter``."""

    def __init__(self, folder: Path, stem: str, suffix: str) -> None:
        self._paths = {
            int(path.name[len(stem) + 1 : -len(suffix)]): path
            for path in folder.glob(f"{stem}-[0-9]*{suffix}")
            if path.name[len(stem) + 1 : -len(suffix)].isdecimal()
        }
        self._open: dict[int, int] = {}

    def first(self) -> int:
        """Return the lowest number there is."""
        return min(self._paths, default=1)

    def last(self) -> int:
        """Return the highest number there is."""
        return max(self._paths, default=0)

    def fd(self, number: int) -> int | None:
        """Return a descriptor to read segment ``number`` from, None if there is no such file.

        Raises:
            OSError: there is, and it cannot be read now; taken for missing it would be lost.
        """
        if number not in self._open and number in self._paths:
            fd = _find_file(self._paths[number])
            if fd is None:
                return None
            self._open[number] = fd
        return self._open.get(number)

    def is_settled(self, number: int) -> bool:  # noqa: ARG002 - the shape that _backlog reads
        """Return True: nobody writes here any more."""
        return True

    def drop(self, number: int) -> None:
        """Unlink the file of segment ``number``."""
        self.close(number)
        path = self._paths.pop(number, None)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()

    def close(self, number: int | None = None) -> None:
        """Close the descriptor of one segment, or of all."""
        for key in [number] if number is not None else list(self._open):
            fd = self._open.pop(key, None)
            if fd is not None:
                os.close(fd)


def _find_file(path: Path) -> int | None:
    try:
        fd = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENXIO}:
            return None
        raise
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None
