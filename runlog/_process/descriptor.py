"""A descriptor that is kept over time: ours only while it is still the file that was opened.

A library may close every number there is (a daemon does, before it works), and the next file of the
program gets a number of ours. So each one is compared, by device and inode, before it is closed,
replaced or read; what has become another file is the program's, and is left alone.

The one write of a log call has no time to ask. What protects it is the number: far above those
that the system gives out, lowest first. Whoever closes it leaves a hole that no other file comes
into, and a write into a hole is an error that can be seen. Nor is any of them 0, 1 or 2, which a
program started without these may open for itself. Any thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

try:
    import fcntl
    import resource
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

_HIGHEST = 1024
"""Most systems let a process have so many; a table of more would cost memory in the kernel."""
_STANDARD = 3
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_PLACE_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_PATH", 0)

File = tuple[int, int]
"""Device and inode: what tells one open file from another."""


class Descriptor:
    """One open file of ours: its number, and which file it was when it was opened."""

    __slots__ = ("file", "number")

    def __init__(self, number: int) -> None:
        """Take over ``number``, which was just opened, and move it out of the way.

        Raises:
            OSError: it cannot be; it is closed then.
        """
        self.number = _moved(number)
        try:
            self.file = _file_of(self.number)
        except OSError:
            os.close(self.number)
            raise

    @classmethod
    def nothing(cls) -> Descriptor:
        """Return one that no file stands behind yet; see ``put_in_place_of``."""
        made = cls.__new__(cls)
        made.number, made.file = -1, (0, 0)
        return made

    def fileno(self) -> int:
        """Return the number."""
        return self.number

    def is_ours(self) -> bool:
        """Tell whether the number still stands for the file that was opened."""
        try:
            return _file_of(self.number) == self.file
        except OSError as error:
            # A disk that cannot answer is no other file.
            return error.errno != errno.EBADF

    def close(self) -> None:
        """Close the file, if it is still ours; never raises."""
        number, self.number = self.number, -1
        try:
            if number >= 0 and _file_of(number) == self.file:
                os.close(number)
        except OSError:
            return

    def put_in_place_of(self, other: Descriptor) -> None:
        """Let ``other`` stand for this file from now on, in one step where its number is still its.

        Raises:
            OSError: it cannot; ``other`` is what it was.
        """
        if other.number >= 0 and other.is_ours():
            os.dup2(self.number, other.number, inheritable=False)
        else:
            other.number = _moved(os.dup(self.number))
        other.file = self.file

    def duplicate(self) -> Descriptor:
        """Return another descriptor of the same open file.

        Raises:
            OSError: there is none to be had.
        """
        return Descriptor(os.dup(self.number))


def reopen(path: os.PathLike[str], file: File) -> Descriptor | None:
    """Open ``path`` for reading if it is still ``file``; None if it is gone, or another.

    Raises:
        OSError: it cannot be opened now.
    """
    try:
        opened = Descriptor(os.open(path, _READ_FLAGS))
    except FileNotFoundError:
        return None
    if opened.file == file:
        return opened
    opened.close()
    return None


def read_at(number: int, size: int, offset: int) -> bytes:
    """Return ``size`` bytes from ``offset`` on, less only where the file ends.

    Raises:
        OSError: they cannot be read.
    """
    data = os.pread(number, size, offset) if size > 0 else b""
    while data and len(data) < size:
        # The kernel may give less than there is; that is not the end.
        more = os.pread(number, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def file_at(number: int) -> File | None:
    """Return what stands behind ``number``, which is not ours to move; None where nothing does."""
    try:
        return _file_of(number)
    except OSError:
        return None


@contextlib.contextmanager
def standard_numbers_taken() -> Iterator[None]:
    """Have nothing that is opened meanwhile become 0, 1 or 2 of a program started without these.

    Reading them or writing to them stays the error that it is.
    """
    taken: list[tuple[int, File]] = []
    try:
        with contextlib.suppress(OSError):
            while (number := os.open(os.sep, _PLACE_FLAGS)) < _STANDARD:
                taken.append((number, _file_of(number)))
            os.close(number)
        yield
    finally:
        for number, file in taken:
            if file_at(number) == file:
                os.close(number)


def _file_of(number: int) -> File:
    facts = os.fstat(number)
    return facts.st_dev, facts.st_ino


def _moved(number: int) -> int:
    if fcntl is None:
        return number  # type: ignore[unreachable] # on Windows it is reached
    for least in (_out_of_the_way(), _STANDARD):
        try:
            moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, least)
        except OSError:
            continue
        os.close(number)
        return moved
    if number < _STANDARD:
        os.close(number)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return number


def _out_of_the_way() -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    highest = _HIGHEST if limit == resource.RLIM_INFINITY else min(limit, _HIGHEST)
    return max(_STANDARD, highest * 3 // 4)
