"""Texts: any object → text that PostgreSQL stores, of a length that fits.

Lives here: safe ``str`` and ``repr``, names of types, visible marks for what ``text`` refuses,
cutting with head and tail kept. Not here: structures (``jsonable``). Pure; runs on the caller's
thread; never raises, whatever an object's methods do.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from runlog._process.interrupts import is_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_REPR = 1000
_MAX_NAME = 200
# Beyond 600 digits nobody reads them, and Python refuses to print from 640 on when asked to.
_MAX_INTEGER_BITS = 2000
_BITS_PER_DIGIT = 3.3219280948873626
_SMALLEST = -(2**63)
_BEYOND_LARGEST = 2**64
_CUT = re.compile(r"…\[cut; ([0-9]{1,18}) characters in all\]…")
# A secret that the edge of the kept part cuts in two is not recognised any more. As much as this
# beyond the edge is looked through and then dropped.
_MARGIN = 8192


def type_name(value: object) -> str:
    """Return the bare name of the type of ``value``, for a marker."""
    try:
        name = type(value).__name__
        return name[:_MAX_NAME] if type(name) is str else "object"
    except Exception as error:
        if is_interrupt(error):
            raise
        # A metaclass can make even this fail.
        return "object"


def qualified_name(value: object) -> str:
    """Return ``module.qualname`` of a class or function; built-in ones without ``builtins.``."""
    try:
        name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
        module = getattr(value, "__module__", None)
    except Exception as error:
        if is_interrupt(error):
            raise
        return repr_of(value)
    if type(name) is not str:
        return repr_of(value)
    own = type(module) is not str or module in {"builtins", "__main__"}
    return (name if own else f"{module}.{name}")[:_MAX_REPR]


def unrepresentable(value: object, what: str, error: BaseException) -> str:
    """Return the marker for an object that failed to tell what it is."""
    return f"<unrepresentable {type_name(value)}: {what} raised {type_name(error)}>"


def repr_of(value: object) -> str:
    """Return ``repr(value)``, cut to 1,000 characters."""
    try:
        return shorten(str.__str__(repr(value)), _MAX_REPR)
    except Exception as error:
        if is_interrupt(error):
            raise
        return unrepresentable(value, "repr", error)


def text_of(value: object) -> str:
    """Return ``str(value)``; bytes as their text."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value] # the line above
    try:
        if issubclass(kind, (bytes, bytearray, memoryview)):
            return text_of_bytes(value)
        if issubclass(kind, int) and kind is not bool:
            return str(whole_number(int.__index__(value)))  # type: ignore[arg-type] # as above
        return str.__str__(str(value))
    except Exception as error:
        if is_interrupt(error):
            raise
        # A text is one, whatever its class makes of it.
        if issubclass(kind, str):
            return str.__str__(value)
        return unrepresentable(value, "str", error)


def plain_text(value: object) -> str:
    """Return the text of ``value``, of an Enum's member that of its value, and none of None."""
    if issubclass(type(value), Enum):
        try:
            value = value.value  # type: ignore[attr-defined] # of an Enum
        except Exception as error:
            if is_interrupt(error):
                raise
    return "" if value is None else text_of(value)


def whole_number(value: int) -> int | str:
    """Return an integer of 64 bits as it is, a longer one as its digits or a marker.

    What reads JSON rounds longer ones, so text keeps them exact.
    """
    if _SMALLEST <= value < _BEYOND_LARGEST:
        return value
    bits = value.bit_length()
    if bits > _MAX_INTEGER_BITS:
        return f"<integer of about {int(bits / _BITS_PER_DIGIT) + 1} digits>"
    return str(value)


def text_of_bytes(value: object, most: int = 1 << 20) -> str:
    """Return readable UTF-8 as text, other bytes as ``<5 bytes: 00ff…>``."""
    view = memoryview(value).cast("B")  # type: ignore[arg-type] # bytes-like, as the caller saw
    size = view.nbytes
    if size <= most:
        try:
            text = bytes(view).decode()
        except UnicodeDecodeError:
            pass
        else:
            if text.translate({9: None, 10: None, 13: None}).isprintable():
                return text
    shown = 32
    return f"<{size} bytes: {view[:shown].hex()}{'…' if size > shown else ''}>"


def storable(text: str) -> str:
    """Return ``text`` with visible escapes for NUL and lone surrogates; PostgreSQL refuses them."""
    if text.isprintable():
        return text
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def shorten(text: str, keep: int) -> str:
    """Return ``text`` with at most ``keep`` of its characters, head and tail, and its full size."""
    if len(text) <= keep:
        return text
    head = (keep + 1) // 2
    tail = len(text) - keep // 2
    earlier = _CUT.search(text, head, tail) if "…" in text else None
    size = int(earlier[1]) if earlier else len(text)
    return f"{text[:head]}…[cut; {size} characters in all]…{text[tail:]}"


def shorten_redacted(text: str, keep: int, redact: Callable[[str], str]) -> str:
    """Return ``text`` shortened and redacted; time and memory follow ``keep``, not the text.

    Redacting only what is kept must not leave half of a secret at the edge.
    """
    if len(text) <= keep + 2 * _MARGIN:
        return shorten(redact(text), keep)
    half = keep // 2
    head = redact(text[: half + _MARGIN])[:-_MARGIN][:half]
    tail = redact(text[-half - _MARGIN :])[_MARGIN:][-half:]
    return f"{head}…[cut; {len(text)} characters in all]…{tail}"
