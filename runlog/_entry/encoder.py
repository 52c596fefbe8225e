"""One log call → one line of COPY text: id, run_id, timestamp, level, step, message, meta.

Lives here: the Encoder and what each column means. Not here: the line's escaping (``copy_text``),
meta's fields (``meta``) and JSON (``json_writer``), ids (``ids``), stacks (``exceptions``),
cutting (``cut``).
Runs on the caller's thread, within microseconds; never blocks and never raises.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runlog._entry.copy_text import ID_LENGTH, escape
from runlog._entry.cut import cut_json, cut_text
from runlog._entry.fingerprint import with_fingerprint
from runlog._entry.ids import new_id_bytes
from runlog._entry.json_writer import JsonWriter
from runlog._entry.levels import COLUMN_LEVELS, level_name
from runlog._entry.meta import add_fields, as_dict
from runlog._entry.texts import plain_text, shorten_redacted, storable, text_of, type_name
from runlog._process.interrupts import is_interrupt
from runlog.errors import SettingError

if TYPE_CHECKING:
    from runlog._entry.redaction.redactor import Redactor

COLUMNS = ("id", "run_id", "timestamp", "level", "step", "message", "meta")

LEVEL_COLUMNS = {name: f"+00\t{name}\t".encode() for name in COLUMN_LEVELS.values()}

_LEAST_ENTRY_BYTES = 4096

_MAX_STEP = 200

_MOST_STEPS = 256

_MOST_LOGGERS = 4096

# Those before message and meta.
_FIRST_COLUMNS = 5

# The last second that PostgreSQL's and everybody's four digits of a year can tell.
_LAST_SECOND = 253_402_300_799

_MICROSECONDS = 1_000_000

# Added to what is cut off, to round it.
_HALF = 0.5


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
        "_redact",
        "_redact_or_raise",
        "head",
        "json",
        "loggers",
        "max_bytes",
        "redact_argv",
        "redact_text",
        "redactor",
        "steps",
    )

    def __init__(
        self, *, redactor: Redactor, default_step: str = "LOG", max_entry_bytes: int = 262_144
    ) -> None:
        if max_entry_bytes < _LEAST_ENTRY_BYTES:
            raise SettingError(
                f"max_entry_bytes is {max_entry_bytes!r}; give it at least {_LEAST_ENTRY_BYTES}",
                name="max_entry_bytes",
            )
        self.redactor = redactor
        self._redact = redactor.redact_text
        self._redact_or_raise = redactor.redact_or_raise
        self.redact_text = redactor.redact_text
        self.redact_argv = redactor.redact_argv
        self.json = JsonWriter(redactor, max_text=max_entry_bytes)
        self._dumps = self.json.dumps
        self.max_bytes = max_entry_bytes
        # Of the last entry: its second, its run, and what the line says of both.
        self.head = (-1, "", b"")
        self.steps: dict[object, bytes] = {}
        self.loggers: dict[str, bytes] = {}
        self._default_step = default_step or "LOG"

    def encode(  # noqa: C901 - so that an entry is one call
        self,
        run_id: str,
        created: float,
        levelno: int,
        levelname: str | None,
        step: object,
        message: object,
        meta: dict[str, Any] | None,
        logger: str | None = None,
    ) -> bytes:
        """Return the line of one entry, with a new id, at most ``max_entry_bytes`` long.

        Args:
            run_id: the run's id as text.
            created: seconds since 1970; what cannot be a time becomes now, and is kept in meta.
            levelno: the number of the level, as logging has it.
            levelname: kept in meta when it is none of the four levels.
            step: text, Enum or anything; None and empty mean the default step.
            message: any object.
            meta: further fields, left as they are; their names win over those that are added here.
            logger: the logger's name, to be added to meta.
        """
        entry_id = new_id_bytes()
        try:
            level = COLUMN_LEVELS.get(levelno) if type(levelno) is int else None
            if level is None or levelname is not level:
                level, meta = _tell_level(levelno, levelname, meta)
            try:
                if type(created) is not float:
                    # numpy's numbers warn on stderr of what they cannot hold.
                    created = _seconds(created)
                # One tuple, read once: another thread may replace it in between.
                second, run, head = self.head
                micros = (created - second) * _MICROSECONDS + _HALF
                if run != run_id or not _HALF <= micros < _MICROSECONDS:
                    head, micros = self.head_of(run_id, created)
            except Exception as error:
                head, micros, meta = self._head_of_now(error, run_id, created, meta)
            is_name = step is None or type(step) is str
            column = (is_name and self.steps.get(step)) or self.step_column(step)
            text = message if type(message) is str else text_of(message)
            text = self._redact(text) if len(text) <= self.max_bytes else self._shortened(text)
            if level == "ERROR":
                meta = with_fingerprint(meta, text)
            if not text.isprintable() or "\\" in text:
                text = escape(storable(text))
            if type(meta) is not dict:
                meta = as_dict(meta)
            if logger is not None and (type(logger) is not str or "logger" in meta):
                meta, logger = add_fields(meta, {"logger": logger}), None
            data = self._dumps(meta) if meta else b"{}"
            if b"\\" in data:
                data = data.replace(b"\\", b"\\\\")
            if logger is not None:
                end = self.loggers.get(logger) or self.logger_end(logger)
                data = data[:-1] + (end if meta else end[1:])
            # Bytes all along: formatting them takes half the time of formatting text.
            line = b"%b%b%06d%b%b\t%b\t%b\n" % (
                entry_id, head, micros, LEVEL_COLUMNS[level], column, text.encode(), data
            )  # fmt: skip
            return line if len(line) <= self.max_bytes else self._cut(line, message, meta, logger)
        except Exception as error:
            return _last_resort(entry_id, run_id, error)

    def to_json(self, value: object) -> str:
        """Return the JSON of any value, as jsonb accepts it and without secrets."""
        return self._dumps(value).decode()

    def head_of(self, run_id: str, created: float) -> tuple[bytes, float]:
        """Return run and second as they stand in a line, remembered for the next, and the rest.

        The rest in microseconds and a half, to be cut off where they stand in the line.
        """
        second = int(created // 1)
        micros = (created - second) * _MICROSECONDS + _HALF
        if micros >= _MICROSECONDS:
            second, micros = second + 1, _HALF
        if not 0 <= second <= _LAST_SECOND:
            raise ValueError(second)
        run = run_id
        if len(run) != ID_LENGTH:
            run = escape(storable(run))[:_MAX_STEP]
        moment = time.strftime("%Y-%m-%d %H:%M:%S.", time.gmtime(second))
        head = f"\t{run}\t{moment}".encode()
        self.head = (second, run_id, head)
        return head, micros

    def _head_of_now(
        self, error: Exception, run_id: str, created: object, meta: Any
    ) -> tuple[bytes, float, Any]:
        """Return a head of now: ``created`` is None, NaN, or a year without four digits."""
        if is_interrupt(error):
            raise error
        return (
            *self.head_of(run_id, time.time_ns() / 1e9),
            add_fields(meta, {"created": created}),
        )

    def logger_end(self, logger: str) -> bytes:
        """Return how meta ends that has the logger's name added; remembered for the next."""
        shown = self._redacted_whole(logger) if type(logger) is str else None
        if shown is None:
            return b"," + self._dumps({"logger": logger}).replace(b"\\", b"\\\\")[1:]
        end = b"," + self._json_bytes({"logger": shown})[1:]
        if len(logger) <= _MAX_STEP:
            if len(self.loggers) >= _MOST_LOGGERS:
                self.loggers.clear()
            self.loggers[logger] = end
        return end

    def step_column(self, step: object) -> bytes:
        """Return the column of a step; remembered where it is a short text, or none."""
        text = "" if step is None else plain_text(step).strip()
        text = text or self._default_step
        is_short = step is None or (type(step) is str and len(step) <= _MAX_STEP)
        shown = self._redacted_whole(text) if is_short else None
        if shown is None:
            return _step_of(storable(self._redact(text)))
        column = _step_of(shown)
        if len(self.steps) >= _MOST_STEPS:
            self.steps.clear()
        self.steps[step] = column
        return column

    def _redacted_whole(self, text: str) -> str | None:
        """Return ``text`` as it is to be stored; None when that did not end well.

        What is remembered must have come about without an error: near the limit of the stack, or
        where the user's callback failed, the usual way makes a marker of what it cannot tell.
        """
        try:
            return storable(self._redact_or_raise(text))
        except Exception as error:
            if is_interrupt(error):
                raise
            return None

    def _shortened(self, text: str) -> str:
        return shorten_redacted(text, self.max_bytes, self._redact)

    def _cut(self, line: bytes, message: object, meta: dict[str, Any], logger: str | None) -> bytes:
        """Return the line with message and meta cut to their share of what is allowed."""
        if logger is not None:
            meta = add_fields(meta, {"logger": logger})
        first = b"\t".join(line.split(b"\t", _FIRST_COLUMNS)[:_FIRST_COLUMNS]) + b"\t"
        text = storable(self._shortened(text_of(message)))
        structure = self.json.structure(meta)
        room = self.max_bytes - len(first) - len(b"\t\n")
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
        return self.json.pack(structure).replace(b"\\", b"\\\\")


def _seconds(created: object) -> float:
    if not issubclass(type(created), (int, float)):
        raise TypeError(created)
    return float(created)  # type: ignore[arg-type] # a number, as just asked


def _copy_bytes(text: str) -> bytes:
    return escape(text).encode()


def _step_of(text: str) -> bytes:
    return escape(text if len(text) <= _MAX_STEP else f"{text[: _MAX_STEP - 1]}…").encode()


def _tell_level(levelno: int, levelname: object, meta: Any) -> tuple[str, Any]:
    """Return the column's level, and meta with the level's own name when it is another."""
    level = level_name(levelno)
    try:
        is_told = levelname is None or levelname == "" or levelname in LEVEL_COLUMNS
    except Exception as error:
        if is_interrupt(error):
            raise
        is_told = False
    return level, meta if is_told else add_fields(meta, {"levelname": levelname})


def _last_resort(entry_id: bytes, run_id: object, error: Exception) -> bytes:
    """Return a line that says only that there was an entry; out of memory or of stack."""
    if is_interrupt(error):
        raise error
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    why = f"<entry not encoded: {type_name(error)}>"
    run = text_of(run_id)[:_MAX_STEP]
    fields = (entry_id.decode(), run, f"{now}+00", "WARNING", "LOG", why, "{}")
    return ("\t".join(escape(storable(field)) for field in fields) + "\n").encode()
