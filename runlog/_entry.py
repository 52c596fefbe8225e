"""One log call → one line of COPY text: id, run_id, timestamp, level, step, message, meta.

Lives here: the Encoder and what each column means. Not here: the line's escaping (``_copy_text``),
meta's fields (``_meta``) and JSON (``_json_writer``), ids (``_uuid7``), stacks (``_stack``),
cutting (``_cut``).
Runs on the caller's thread, within microseconds; never blocks and never raises.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, Any

from ._copy_text import escape
from ._cut import cut_json, cut_text
from ._json_writer import JsonWriter
from ._meta import add_fields, as_dict
from ._texts import shorten_redacted, storable, text_of, type_name
from ._uuid7 import new_id
from .errors import SettingError

if TYPE_CHECKING:
    from ._redact import Redactor

COLUMNS = ("id", "run_id", "timestamp", "level", "step", "message", "meta")

_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR"}
_STANDARD_NAMES = frozenset(_LEVELS.values())
_LEAST_ENTRY_BYTES = 4096
_MAX_STEP = 200
_MOST_STEPS = 256
_LENGTH_OF_ID = 36
# The last second that PostgreSQL's and everybody's four digits of a year can tell.
_LAST_SECOND = 253_402_300_799
# Less than a second by more than rounding can add.
_SAME_SECOND = 0.999_999


def level_name(levelno: int) -> str:
    """Return the level that the column takes: DEBUG, INFO, WARNING or ERROR."""
    try:
        if levelno < 20:  # noqa: PLR2004 - logging.INFO
            return "DEBUG"
        if levelno < 30:  # noqa: PLR2004 - logging.WARNING
            return "INFO"
        if levelno < 40:  # noqa: PLR2004 - logging.ERROR
            return "WARNING"
    except Exception:
        # Not a number: neither hidden among DEBUG nor an alarm.
        return "INFO"
    return "ERROR"


class Encoder:
    """Makes lines; thread-safe, re-entrant, and without a lock.

    Args:
        redactor: hides secrets in step, message and meta.
        default_step: the step of entries that name none. Default: ``LOG``.
        max_entry_bytes: a longer line is cut to this. Default: 262144.

    Raises:
        SettingError: ``max_entry_bytes`` is too small for an entry.
    """

    __slots__ = (
        "_default_step",
        "_dumps",
        "_json",
        "_max_bytes",
        "_redact",
        "_second",
        "_steps",
        "redact_argv",
        "redact_text",
    )

    def __init__(
        self, *, redactor: Redactor, default_step: str = "LOG", max_entry_bytes: int = 262_144
    ) -> None:
        if max_entry_bytes < _LEAST_ENTRY_BYTES:
            raise SettingError(
                f"max_entry_bytes is {max_entry_bytes!r}; give it at least {_LEAST_ENTRY_BYTES}",
                name="max_entry_bytes",
            )
        self._redact = redactor.redact_text
        self.redact_text = redactor.redact_text
        self.redact_argv = redactor.redact_argv
        self._json = JsonWriter(redactor, max_text=max_entry_bytes)
        self._dumps = self._json.dumps
        self._max_bytes = max_entry_bytes
        self._second = (-1, "")
        self._steps: dict[str, str] = {}
        self._default_step = default_step or "LOG"

    def encode(
        self,
        run_id: str,
        created: float,
        levelno: int,
        levelname: str | None,
        step: object,
        message: object,
        meta: dict[str, Any] | None,
    ) -> bytes:
        """Return the line of one entry, with a new id, at most ``max_entry_bytes`` long.

        Args:
            run_id: the run's id as text.
            created: seconds since 1970; what cannot be a time becomes now, and is kept in meta.
            levelno: the number of the level, as logging has it.
            levelname: kept in meta when it is none of the four levels.
            step: text, Enum or anything; None and empty mean the default step.
            message: any object.
            meta: further fields; their names win over those that are added here.
        """
        entry_id = new_id()
        try:
            level = _LEVELS.get(levelno) if type(levelno) is int else None
            if level is None or levelname is not level:
                level, meta = _tell_level(levelno, levelname, meta)
            try:
                # One tuple, read once: another thread may replace it in between.
                second, prefix = self._second
                micros = created - second
                if 0.0 <= micros < _SAME_SECOND:
                    micros = int(micros * 1_000_000 + 0.5)
                else:
                    prefix, micros = self._time_of(int(created * 1_000_000 + 0.5))
            except Exception:
                # None, NaN, infinity, or a year without four digits.
                meta = add_fields(meta, {"created": created})
                prefix, micros = self._time_of(time.time_ns() // 1000)
            moment = "%s%06d+00" % (prefix, micros)  # noqa: UP031 - a third faster than an f-string
            column = self._steps.get(step) if type(step) is str else None
            if column is None:
                column = self._step_column(step)
            text = message if type(message) is str else text_of(message)
            text = self._redact(text) if len(text) <= self._max_bytes else self._shortened(text)
            if not text.isprintable() or "\\" in text:
                text = escape(storable(text))
            if len(run_id) != _LENGTH_OF_ID:
                run_id = escape(storable(run_id))[:_MAX_STEP]
            head = f"{entry_id}\t{run_id}\t{moment}\t{level}\t{column}\t"
            if type(meta) is not dict:
                meta = as_dict(meta)
            data = self._dumps(meta) if meta else b"{}"
            if b"\\" in data:
                data = data.replace(b"\\", b"\\\\")
            line = b"%b\t%b\n" % ((head + text).encode(), data)
            return line if len(line) <= self._max_bytes else self._cut(head, message, meta)
        except Exception as error:
            return _last_resort(entry_id, run_id, error)

    def to_json(self, value: object) -> str:
        """Return the JSON of any value, as jsonb accepts it and without secrets."""
        return self._dumps(value).decode()

    def _time_of(self, microseconds: int) -> tuple[str, int]:
        """Return the text of the second and what is beyond it; remember the second for the next."""
        second, micros = divmod(microseconds, 1_000_000)
        if not 0 <= second <= _LAST_SECOND:
            raise ValueError(second)
        prefix = time.strftime("%Y-%m-%d %H:%M:%S.", time.gmtime(second))
        self._second = (second, prefix)
        return prefix, micros

    def _step_column(self, step: object) -> str:
        named = step
        if isinstance(step, Enum):
            step = step.value
        text = "" if step is None else text_of(step).strip()
        column = escape(_bounded(storable(self._redact(text or self._default_step))))
        if type(named) is str and len(named) <= _MAX_STEP:
            if len(self._steps) >= _MOST_STEPS:
                self._steps.clear()
            self._steps[named] = column
        return column

    def _shortened(self, text: str) -> str:
        return shorten_redacted(text, self._max_bytes, self._redact)

    def _cut(self, head: str, message: object, meta: object) -> bytes:
        """Return the line with message and meta cut to their share of what is allowed."""
        first = head.encode()
        text = storable(self._shortened(text_of(message)))
        structure = self._json.structure(as_dict(meta))
        room = self._max_bytes - len(first) - len(b"\t\n")
        text_bytes, data = _copy_bytes(text), self._json_bytes(structure)
        if len(data) <= room // 2:
            text_bytes = cut_text(text, room - len(data), _copy_bytes)
        elif len(text_bytes) <= room // 2:
            data = cut_json(structure, room - len(text_bytes), self._json_bytes)
        else:
            text_bytes = cut_text(text, room // 2, _copy_bytes)
            data = cut_json(structure, room // 2, self._json_bytes)
        return b"%b%b\t%b\n" % (first, text_bytes, data)

    def _json_bytes(self, structure: object) -> bytes:
        return self._json.pack(structure).replace(b"\\", b"\\\\")


def _copy_bytes(text: str) -> bytes:
    return escape(text).encode()


def _bounded(step: str) -> str:
    return step if len(step) <= _MAX_STEP else f"{step[: _MAX_STEP - 1]}…"


def _tell_level(levelno: int, levelname: object, meta: Any) -> tuple[str, Any]:
    """Return the column's level, and meta with the level's own name when it is another."""
    level = level_name(levelno)
    try:
        is_told = levelname is None or levelname == "" or levelname in _STANDARD_NAMES
    except Exception:
        is_told = False
    return level, meta if is_told else add_fields(meta, {"levelname": levelname})


def _last_resort(entry_id: str, run_id: object, error: Exception) -> bytes:
    """Return a line that says only that there was an entry; out of memory or of stack."""
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    why = f"<entry not encoded: {type_name(error)}>"
    fields = (entry_id, text_of(run_id)[:_MAX_STEP], f"{now}+00", "WARNING", "LOG", why, "{}")
    return ("\t".join(escape(storable(field)) for field in fields) + "\n").encode()
