"""Cutting: an entry that is too large → one that fits, head and tail kept, its full size told.

Lives here: the fitting of a message and of meta into so many bytes. Not here: how one text is cut
(``texts``). Pure; runs on the caller's thread; takes several passes, for it is rare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlog._entry.texts import shorten

if TYPE_CHECKING:
    from collections.abc import Callable

# What one character may become: six for an escape in JSON, one more to double its backslash.
_MOST_BYTES_A_CHARACTER = 8
_MARK_BYTES = 64
_SHORTEST_TEXT = 64
_MOST_ITEMS = (1000, 100, 10, 1)


def cut_text(text: str, room_bytes: int, encode: Callable[[str], bytes]) -> bytes:
    """Return ``encode(text)``, of a text cut so far that it has at most ``room_bytes``."""
    data = encode(text)
    keep = len(text)
    # The share of the bytes that fits is the share of the characters, unless they vary much.
    while len(data) > room_bytes and keep > room_bytes // _MOST_BYTES_A_CHARACTER:
        keep = min(keep * 9 // 10, keep * max(room_bytes - _MARK_BYTES, 0) // len(data))
        data = encode(shorten(text, keep))
    if len(data) <= room_bytes:
        return data
    return encode(shorten(text, max(room_bytes - _MARK_BYTES, 0) // _MOST_BYTES_A_CHARACTER))


def cut_json(structure: Any, room_bytes: int, encode: Callable[[Any], bytes]) -> bytes:
    """Return ``encode(structure)`` within ``room_bytes``: long texts are cut, then containers.

    Args:
        structure: what ``jsonable`` returns.
        room_bytes: at least 256.
        encode: the structure → bytes of JSON as they stand in the line.
    """
    data = encode(structure)
    size = len(data)
    keep = size if size <= room_bytes else _fitting_length(structure, size, room_bytes)
    while len(data) > room_bytes and keep > _SHORTEST_TEXT:
        # Each pass is over everything: few of them.
        keep = max(keep // 2, _SHORTEST_TEXT)
        data = encode(_with_short_texts(structure, keep))
    for most in _MOST_ITEMS:
        if len(data) > room_bytes:
            data = encode(_with_few_items(structure, most, _SHORTEST_TEXT))
    if len(data) > room_bytes:
        data = encode({"cut": f"<meta of {size} bytes>"})
    return data


def _fitting_length(structure: Any, size: int, room_bytes: int) -> int:
    """Return twice the length to which texts have to be cut, if nothing in them is escaped."""
    lengths: list[int] = []
    _collect_lengths(structure, lengths)
    lengths.sort()
    room = room_bytes - (size - sum(lengths))
    for at, length in enumerate(lengths):
        rest = len(lengths) - at
        if length * rest >= room:
            return 2 * max(room // rest - _MARK_BYTES, _SHORTEST_TEXT)
        room -= length
    return 2 * _SHORTEST_TEXT


def _collect_lengths(value: Any, lengths: list[int]) -> None:
    kind = type(value)
    if kind is str:
        lengths.append(len(value))
    elif kind is dict:
        for item in value.values():
            _collect_lengths(item, lengths)
    elif kind is list:
        for item in value:
            _collect_lengths(item, lengths)


def _with_short_texts(value: Any, keep: int) -> Any:
    kind = type(value)
    if kind is str:
        return shorten(value, keep)
    if kind is dict:
        return {key: _with_short_texts(item, keep) for key, item in value.items()}
    if kind is list:
        return [_with_short_texts(item, keep) for item in value]
    return value


def _with_few_items(value: Any, most: int, keep: int) -> Any:
    kind = type(value)
    if kind is str:
        return shorten(value, keep)
    if kind is dict:
        few = {
            shorten(key, keep): _with_few_items(item, most, keep)
            for key, item in list(value.items())[:most]
        }
        return few if len(value) <= most else few | {"…": _more(len(value), most)}
    if kind is list:
        items = [_with_few_items(item, most, keep) for item in value[:most]]
        return items if len(value) <= most else [*items, _more(len(value), most)]
    return value


def _more(size: int, most: int) -> str:
    return f"<{size - most} more of {size} items>"
