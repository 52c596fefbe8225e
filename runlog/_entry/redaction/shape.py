"""The shape of a text: what is left of it when all hexadecimal digits look alike.

Lives here: the fold, and what is remembered of shapes. Ids, times and counts make a new text of
every call, but of a few shapes. A shape is innocent when no text that has it can hold a secret; it
is asked with the same hints as the text itself, folded too (``look``). Runs on the caller's thread;
never blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGITS = "0123456789abcdef"
# One character for all of them; it is among them, so that what is folded may be folded again.
_FOLD = str.maketrans(_DIGITS, "0" * len(_DIGITS))
_FOLD_BYTES = bytes(_FOLD.get(byte, byte) for byte in range(256))
_MOST_SHAPES = 2048
_LONGEST_SHAPE = 250


def fold(text: str) -> str:
    """Return ``text`` with all hexadecimal digits alike, those in small letters."""
    return text.translate(_FOLD)


def by_shape(look: Callable[[str], Any], look_folded: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return ``look``, which is not asked about texts whose shape is known to be innocent.

    Args:
        look: tells whether a text may hold a secret.
        look_folded: the same of folded texts; true for each whose text ``look`` is true for.
    """
    shapes: dict[bytes, bool] = {}

    def find_shape(shape: bytes) -> bool:
        is_risky = bool(look_folded(shape.decode()))
        if len(shapes) >= _MOST_SHAPES:
            shapes.clear()
        shapes[shape] = is_risky
        return is_risky

    def may_hold(text: str) -> Any:
        if len(text) > _LONGEST_SHAPE:
            return look(text)
        try:
            shape = text.encode().translate(_FOLD_BYTES)
        except UnicodeEncodeError:
            return look(text)
        is_risky = shapes.get(shape)
        if is_risky is None:
            is_risky = find_shape(shape)
        return is_risky and look(text)

    return may_hold
