"""What a line of any program's output says: level, step, message and meta.

Understands ``[STEP] message``, ``LEVEL: message``, ``2026-01-31 12:00:00 LEVEL message``, what is
usual around them, and JSON lines. A line that is none of these is its own message, at level INFO.
Pure; never raises.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from runlog._entry.levels import CRITICAL, INFO, NAMED_LEVELS

_NO_LINE_BEGINS_SO = {"notset", "msg", "log", "success", "exception", "failure"}
"""Names of levels that are methods, or words of prose."""
_LEVELS = {
    name.upper(): level for name, level in NAMED_LEVELS.items() if name not in _NO_LINE_BEGINS_SO
}
# Kept as the program has written it: it is a word here, and no method.
_LEVELS["FATAL"] = (CRITICAL, "FATAL")
_WORDS = "|".join(_LEVELS)
_TIME = re.compile(
    r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z| ?[+-]\d\d:?\d\d| UTC)?)\]?"
    r"[\s|:-]*"
)
_BRACKETS = re.compile(r"\[([A-Za-z][\w .-]{0,39}?) *\][\s:|-]*")
_COLON = re.compile(rf"({_WORDS})\s*:\s*(?=\S)", re.IGNORECASE)
_BASIC_CONFIG = re.compile(rf"({_WORDS}):([A-Za-z_][\w.-]*):(?!//)")
_BARE = re.compile(rf"({_WORDS})\b[\s|:-]*", re.IGNORECASE)
_NAMED = re.compile(rf"([A-Za-z_][\w.-]*)\s+-\s+({_WORDS})\s+-\s+")
# What a line that says more than its message can begin with; most lines are told apart by it.
_TELLING = (
    frozenset("[{0123456789 ")
    | {word[0] for word in _LEVELS}
    | {word[0].lower() for word in _LEVELS}
)
_MOST_HEADS = 4
# Integers that may not fit into 64 bits, decimals that may not fit into a double.
_LONG_NUMBER = re.compile(r"\d[\d.]{16}\d")
_MOST_EXACT_DIGITS = 17
# https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
_MOST_DIGITS = 4300
_MESSAGE_KEYS = ("message", "msg", "event")
_LEVEL_KEYS = ("level", "levelname", "severity", "lvl")
# pino and bunyan count 10 trace, 20 debug, 30 info; they always write these two as well.
_OF_PINO = frozenset({"pid", "hostname"})


class Line(NamedTuple):
    """One entry, as far as the line tells it."""

    message: str
    levelno: int = INFO
    levelname: str = "INFO"
    step: str | None = None
    meta: dict[str, Any] | None = None


def read_line(text: str) -> Line:
    """Return what a line says; ``text`` without its newline, not empty."""
    first = text[0]
    if first not in _TELLING:
        return Line(text)
    if first == "{":
        return _read_json(text) or Line(text)
    return _read_heads(text)


def _read_heads(text: str) -> Line:
    """Take time, level and steps from the front, as long as there is one."""
    rest, meta = text, {}
    level: tuple[int, str] | None = None
    step: str | None = None
    if time := _TIME.match(rest):
        meta["time"] = time[1]
        rest = rest[time.end() :]
    for _ in range(_MOST_HEADS):
        if level is None and (found := _level(rest, has_time=bool(time))):
            level, logger, rest = found
            if logger:
                meta["logger"] = logger
        elif step is None and (brackets := _BRACKETS.match(rest)) and brackets[1].isupper():
            step, rest = brackets[1], rest[brackets.end() :]
        else:
            break
    if (level is None and step is None) or not rest:
        return Line(text)
    levelno, levelname = level or (INFO, "INFO")
    return Line(rest, levelno, levelname, step, meta or None)


def _level(text: str, *, has_time: bool) -> tuple[tuple[int, str], str | None, str] | None:
    """Return the level at the front of ``text``, the logger beside it, and what follows."""
    if basic := _BASIC_CONFIG.match(text):
        return _LEVELS[basic[1]], basic[2], text[basic.end() :]
    if has_time and (named := _NAMED.match(text)):
        return _LEVELS[named[2]], named[1], text[named.end() :]
    if (brackets := _BRACKETS.match(text)) and brackets[1].upper() in _LEVELS:
        return _LEVELS[brackets[1].upper()], None, text[brackets.end() :]
    # "ERROR reading the file" may be a sentence; behind a time it is a level.
    word = (_BARE if has_time else _COLON).match(text)
    return (_LEVELS[word[1].upper()], None, text[word.end() :]) if word else None


def _read_json(text: str) -> Line | None:
    fields = _json_object(text)
    if fields is None:
        return None
    key = next((key for key in _MESSAGE_KEYS if fields.get(key) is not None), None)
    if key is None:
        return None
    message = fields.pop(key)
    levelno, levelname = _json_level(fields)
    step = fields.pop("step", None)
    return Line(
        message if isinstance(message, str) else _shown(message),
        levelno,
        levelname,
        None if step is None else str(step),
        fields or None,
    )


def _json_object(text: str) -> dict[str, Any] | None:
    """Return what a JSON line says, also one that only programs call JSON.

    Python writes NaN and Infinity, JavaScript cuts a letter in half, and orjson rounds numbers with
    many digits: such lines are read by the standard library, which keeps them as they are.
    """
    import orjson

    if _LONG_NUMBER.search(text) is None:
        try:
            fields: dict[str, Any] = orjson.loads(text)
        except (orjson.JSONDecodeError, RecursionError):
            pass
        else:
            return fields
    import json

    try:
        fields = json.loads(text, parse_int=_integer, parse_float=_decimal)
    except (ValueError, RecursionError):
        return None
    return fields


def _integer(digits: str) -> int | str:
    """Return the integer, or its digits as a text where Python takes no more of them."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _decimal(digits: str) -> float | str:
    """Return the number, or its digits as a text where a double would round them."""
    significant = digits.lower().partition("e")[0].replace(".", "").lstrip("-0")
    return float(digits) if len(significant) <= _MOST_EXACT_DIGITS else digits


def _shown(message: object) -> str:
    import json

    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _json_level(fields: dict[str, Any]) -> tuple[int, str]:
    for key in _LEVEL_KEYS:
        value = fields.get(key)
        if isinstance(value, str) and value.upper() in _LEVELS:
            del fields[key]
            return _LEVELS[value.upper()]
        if isinstance(value, int) and 0 < value <= 60:  # noqa: PLR2004 - fatal in pino
            del fields[key]
            number = value - 10 if fields.keys() >= _OF_PINO else value
            return number, {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR"}.get(number, "")
    return INFO, "INFO"
