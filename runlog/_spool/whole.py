"""Appending to a file that several processes share: all of it or nothing, one at a time.

Blocks on the disk, and a few seconds at the most for whoever has the file.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from runlog._process import clock
from runlog._process.descriptor import Descriptor
from runlog._spool.folders import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_LONGEST_WAIT_SECONDS = 5.0


def append_whole(path: Path, data: bytes, *, max_bytes: int | None = None) -> bool:
    """Append ``data`` to ``path``, which is made if need be.

    Returns:
        False, and nothing is written, if the file would be longer than ``max_bytes``.

    Raises:
        OSError: the disk does not take all of it, or another process keeps the file; nothing is
            written then.
    """
    with alone(path, os.O_CREAT) as file:
        size = os.fstat(file.number).st_size
        if max_bytes is not None and size + len(data) > max_bytes:
            return False
        try:
            written = os.write(file.number, data)
        except OSError:
            written = 0
        if written != len(data):
            os.ftruncate(file.number, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return True


@contextlib.contextmanager
def alone(path: Path, flags: int = 0) -> Iterator[Descriptor]:
    """Open ``path`` and keep everybody else who does so waiting.

    Raises:
        OSError: it cannot be opened, or another process keeps it.
    """
    until = clock.monotonic() + _LONGEST_WAIT_SECONDS
    while True:
        file = Descriptor(os.open(path, _FLAGS | flags, 0o600))
        try:
            # Who had it before may have put another file in its place.
            if try_lock(file) is not False and _is_in_place(path, file):
                yield file
                return
        finally:
            file.close()
        if clock.monotonic() > until:
            raise OSError(errno.EWOULDBLOCK, "another process keeps it", str(path))
        clock.sleep(0.01)


def _is_in_place(path: Path, file: Descriptor) -> bool:
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return False
    return (facts.st_dev, facts.st_ino) == file.file
