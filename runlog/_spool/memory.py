"""Memory that stands in for files while the disk takes none, and the way from there to files.

Not here: when a line goes to memory (``writer``) and when it leaves (``_spool``). Anonymous
files are made on the caller's thread, everything else is the shipper's.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runlog._process.descriptor import Descriptor, read_at
from runlog._spool.backlog import count_lines

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runlog._spool.segment import Segment

_PROBE_BYTES = 2**16
_COPY_BYTES = 2**20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def anonymous_file() -> Descriptor:
    """Return a file without a name, in memory where the system has such.

    Raises:
        OSError: there is none to be had.
    """
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("runlog", os.MFD_CLOEXEC)
    else:
        import tempfile

        with tempfile.TemporaryFile(buffering=0) as file:
            number = os.dup(file.fileno())
    made = Descriptor(number)
    # Without it two threads that write at the same time write to the same place. (On Windows each
    # descriptor has a lock of its own.)
    if fcntl is not None:
        fcntl.fcntl(made.number, fcntl.F_SETFL, os.O_APPEND)
    return made


def has_room(folder: Path) -> bool:
    """Tell whether ``folder`` takes data: a full disk still makes empty files."""
    probe = folder / "probe"
    _unlink(probe)
    try:
        return _written(probe, [bytes(_PROBE_BYTES)])
    finally:
        _unlink(probe)


def save(segment: Segment, path: Path) -> bool:
    """Give a settled segment in memory the file ``path``; False, and no file, if there is no room.

    What has been read of it stays read: offsets are the same.
    """
    # Of an earlier try that ended half-way; the number is this segment's alone.
    _unlink(path)
    if segment.fd() is None or not _written(path, _content(segment)):
        return False
    try:
        saved = Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        # The reader's descriptor keeps its number, and the memory is given back.
        saved.put_in_place_of(segment.file)
    except OSError:
        _unlink(path)
        return False
    saved.close()
    segment.path, segment.in_memory = path, False
    return True


def count_lines_of(segment: Segment) -> int:
    """Count the lines of ``segment``.

    Raises:
        OSError: they cannot be read now.
    """
    return count_lines(b"".join(_content(segment)))


def _content(segment: Segment) -> Iterable[bytes]:
    number, offset = segment.fd(), 0
    while number is not None and (data := read_at(number, _COPY_BYTES, offset)):
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
        _unlink(path)
    return is_whole


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
