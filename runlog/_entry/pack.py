"""JSON bytes of plain values, and run events back from them.

By orjson, or the standard library while that cannot be loaded: a program that has no descriptor
left cannot import, and its log calls and runs must work all the same. Pure, but for the import; any
thread.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


_EVENT = b'{"event":'


def packer() -> Callable[[Any], bytes]:
    """Return what writes texts, numbers, None, lists and dicts of these as JSON."""
    try:
        import orjson

        # Inside: whoever waited for an import of another thread's that failed is handed what there
        # was of the module, without a word.
        dumps = orjson.dumps
    except (ImportError, OSError, AttributeError):
        return _slowly
    return dumps


def pack(value: Any) -> bytes:
    """Return ``value`` as JSON."""
    return packer()(value)


def unpack_event(line: bytes) -> Any:
    """Return the run event of ``line``, also where it ran into what a torn write left there.

    Raises:
        ValueError: it is none.
    """
    import orjson

    place = 0
    while True:
        try:
            return orjson.loads(line[place:])
        except orjson.JSONDecodeError:
            # None stands inside of another: metadata is text there.
            place = line.find(_EVENT, place + 1)
            if place < 0:
                raise


def _slowly(value: Any) -> bytes:
    """Write it without orjson, unless that can be loaded by now."""
    write = packer()
    if write is not _slowly:
        return write(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
