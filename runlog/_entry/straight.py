"""The straight way of an entry that is plain: the same bytes as ``encoder`` makes, by one function.

Lives here: what plain is, and its line. Not here: any rule of its own. What is skipped is skipped
because the careful way would find nothing to do, and a test compares both over thousands of odd
calls. Gives up, having changed nothing, at the first thing that is not plain. Runs on the caller's
thread for nearly every entry, so it is one function over local names: each call, attribute and
look that is not needed is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from runlog._entry.copy_text import escape
from runlog._entry.encoder import LEVEL_COLUMNS
from runlog._entry.ids import new_id_bytes
from runlog._entry.texts import storable

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._entry.encoder import Encoder

_MOST_TEXTS = 2048
_LONGEST_KEPT_TEXT = 200
_MOST_FIELDS = 1000
# No secret is shorter than this when it is letters and digits only (``json_writer``).
_SHORTEST_SECRET = 20
_MICROSECONDS = 1_000_000
_HALF = 0.5
_BACKSLASH = 92
# A number that stands alone among words: no secret begins or ends at it, whatever the number.
_NUMBER = re.compile(r"(?<![^ ])%[ds](?![^ ,;)])")
Straight: TypeAlias = (
    "Callable[[str, float, str, Any, str, Any, dict[Any, Any] | None, str], bytes | None]"
)
"""Makes the line of a plain entry; None where it is not plain.

Called with the run's id, the moment, the name of one of the four levels, the step, the message and
its arguments, meta (left as it is), and the logger's name. It may raise what any of its lines
raises: then, too, the careful way is to be taken.
"""


def make_straight(encoder: Encoder) -> Straight:  # noqa: C901, PLR0915 - a function and what it remembers
    """Return the straight way of ``encoder``."""
    if not encoder.redactor.enabled or encoder.redactor.has_own_rules:
        # The user's own code decides what is plain, or nothing is looked for.
        return lambda *_: None
    may_hold_secret, redact = encoder.redactor.may_hold_secret, encoder.redact_text
    head_of, steps, step_column = encoder.head_of, encoder.steps, encoder.step_column
    loggers, logger_end = encoder.loggers, encoder.logger_end
    plain_keys, dumps = encoder.json.plain_keys, encoder.json.pack
    most_bytes = encoder.max_bytes
    digits = [b"%03d" % number for number in range(1000)]
    # Texts in which nothing is to be hidden; and templates of which that is so, too,
    # whatever numbers are put into them.
    innocent: set[str] = set()
    templates: dict[str, bool] = {}

    def remember(text: str) -> None:
        if len(text) <= _LONGEST_KEPT_TEXT:
            if len(innocent) >= _MOST_TEXTS:
                innocent.clear()
            innocent.add(text)

    def find_template(text: str) -> bool:
        shown, count = _NUMBER.subn("0", text)
        is_innocent = (
            count > 0
            and "%" not in shown
            and "\\" not in shown
            and shown.isprintable()
            and not may_hold_secret(shown)
        )
        if len(text) <= _LONGEST_KEPT_TEXT:
            if len(templates) >= _MOST_TEXTS:
                templates.clear()
            templates[text] = is_innocent
        return is_innocent

    def encode(  # noqa: C901, PLR0911, PLR0912 - so that an entry is one call
        run_id: str,
        created: float,
        level: str,
        step: Any,
        message: str,
        args: Any,
        meta: dict[Any, Any] | None,
        logger: str,
    ) -> bytes | None:
        if args:
            is_checked = templates.get(message)
            if is_checked is None:
                is_checked = find_template(message)
            for arg in args if type(args) is tuple else ((),):
                kind = type(arg)
                if kind is not int:
                    if kind is not str and kind is not float:
                        return None
                    is_checked = False
            text = message % args
        else:
            text = message
            is_checked = text in innocent
        if len(text) > most_bytes:
            return None
        if not is_checked:
            if may_hold_secret(text):
                text = redact(text)
            if "\\" in text or not text.isprintable():
                text = escape(storable(text))
            elif text is message:
                remember(text)
        if meta:
            for key, value in meta.items():
                if key not in plain_keys:
                    return None
                kind = type(value)
                if kind is int or kind is bool or value is None:
                    continue
                if kind is str:
                    if value in innocent or (len(value) < _SHORTEST_SECRET and value.isalnum()):
                        continue
                    if len(value) > most_bytes or may_hold_secret(value):
                        return None
                    remember(value)
                elif kind is not float or value - value != 0.0:
                    return None
            if len(meta) > _MOST_FIELDS or "logger" in meta:
                return None
            data = dumps(meta)
            if _BACKSLASH in data:
                if b"\\u0000" in data:
                    return None
                data = data.replace(b"\\", b"\\\\")
            data = data[:-1]
            end = b"}" if logger == "root" else loggers.get(logger) or logger_end(logger)
        else:
            data = b"{"
            end = b"}" if logger == "root" else (loggers.get(logger) or logger_end(logger))[1:]
        # One tuple, read once: another thread may replace it in between.
        second, run, head = encoder.head
        micros = (created - second) * _MICROSECONDS + _HALF
        if run != run_id or not _HALF <= micros < _MICROSECONDS:
            head, micros = head_of(run_id, created)
        thousands, rest = divmod(int(micros), 1000)
        line = b"".join(
            (
                new_id_bytes(), head, digits[thousands], digits[rest], LEVEL_COLUMNS[level],
                ((step is None or type(step) is str) and steps.get(step)) or step_column(step),
                b"\t",
                text.encode(), b"\t", data, end, b"\n",
            )
        )  # fmt: skip
        return line if len(line) <= most_bytes else None

    return encode
