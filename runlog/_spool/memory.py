"""Memory that stands in for files while the disk takes none, and the way from there to files.

Not here: when a line goes to memory (``writer``) and when it leaves (``_spool``). Anonymous
files are made on the caller's thread, everything else is the shipper's.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runlog._spool.segment import Segment

_PROBE_BYTES = 2**16
_COPY_BYTES = 2**20
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def anonymous_file() -> int:
    """Return the descriptor of a file without a name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("runlog", os.MFD_CLOEXEC)
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())


def has_room(folder: Path) -> bool:
    """Tell whether ``folder`` takes data: a full disk still makes empty files."""
    probe = folder / "probe"
    try:
        return _written(probe, [bytes(_PROBE_BYTES)])
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def save(segment: Segment, path: Path) -> bool:
    """Give a settled segment in memory the file ``path``; False, and no file, if there is no room.

    What has been read of it stays read: offsets are the same.
    """
    if not _written(path, _content(segment)):
        return False
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        path.unlink()
        return False
    # The reader's descriptor keeps its number, and the memory is given back.
    os.dup2(file, segment.read_fd, inheritable=False)
    os.close(file)
    segment.path, segment.in_memory = path, False
    return True


def count_lines(segment: Segment) -> int:
    """Count the lines of ``segment``."""
    return sum(data.count(b"\n") for data in _content(segment))


def _content(segment: Segment) -> Iterable[bytes]:
    offset = 0
    while data := os.pread(segment.read_fd, _COPY_BYTES, offset):
        yield data
        offset += len(data)


def _written(path: Path, content: Iterable[bytes]) -> bool:
    try:
        file = os.open(path, _FLAGS, 0o600)
    except OSError:
        return False
    try:
        is_whole = all(os.write(file, data) == len(data) for data in content)
    except OSError:
        is_whole = False
    finally:
        os.close(file)
    if not is_whole:
        with contextlib.suppress(OSError):
            path.unlink()
    return is_whole
