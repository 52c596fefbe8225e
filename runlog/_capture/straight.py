"""The straight way of a plain LogRecord or event: from its handler to the spool in one function.

Lives here: which records and events are plain. Not here: the line (``_entry.straight``), and any
rule of its own: what is not plain is left, untouched, to the careful way (``RunLogHandler.emit``,
``RunLogProcessor``), and a test compares both. Runs on the caller's thread; must not block and must
not raise.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from runlog._capture import calls, once
from runlog._capture.event_dict import NOT_PLAIN, is_now
from runlog._capture.failures import tell_failure
from runlog._capture.log_record import OWN_THREADS, PLAIN_SHAPES, extra_names
from runlog._entry.encoder import LEVEL_COLUMNS
from runlog._entry.levels import COLUMN_LEVELS, ERROR, NAMED_LEVELS
from runlog._entry.straight import make_straight
from runlog._process import voice
from runlog._process.interrupts import is_interrupt
from runlog._recorder import open_runs
from runlog._recorder.open_runs import find_only_open

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._capture.once import Claims
    from runlog._recorder.recorder import Recorder

_MOST_KNOWN = 1024


def make_store(  # noqa: C901 - a function and what it remembers
    recorder: Recorder, claims: Claims
) -> Callable[[logging.LogRecord], bool]:
    """Return what stores a plain record; for any other it returns False and has changed nothing."""
    encode, record_class, level_names = (
        make_straight(recorder.encoder),
        logging.LogRecord,
        COLUMN_LEVELS,
    )
    waiting, speaking = calls.waiting.calls, voice.speaking
    marks, current_mark = once.marks, once.current
    run_of, step_of = open_runs.run_variable.get, open_runs.step_variable.get
    shapes: set[tuple[str, ...]] = set()
    threads: set[str] = set()

    def is_plain_shape(shape: tuple[str, ...]) -> bool:
        is_plain = extra_names(shape) in PLAIN_SHAPES
        if is_plain:
            _add(shapes, shape)
        return is_plain

    def is_programs_thread(name: object) -> bool:
        is_plain = type(name) is str and not name.startswith(OWN_THREADS)
        if is_plain:
            _add(threads, name)
        return is_plain

    def store(record: logging.LogRecord) -> bool:  # noqa: C901, PLR0911 - one return a reason
        line = None
        try:
            if type(record) is not record_class or (waiting and id(record) in waiting):
                return False
            if (marks.is_used and current_mark.event is not None) or speaking:
                return False
            fields = record.__dict__
            shape = tuple(fields)
            if shape not in shapes and not is_plain_shape(shape):
                return False
            level, thread = fields["levelname"], fields["threadName"]
            levelno, message, meta = fields["levelno"], fields["msg"], fields.get("meta")
            if (
                type(levelno) is not int
                or level_names.get(levelno) != level
                or type(message) is not str
                or fields["exc_info"] or fields["exc_text"] or fields["stack_info"]
                or (meta is not None and type(meta) is not dict)
                or fields["processName"] is not claims.plain
                or (thread not in threads and not is_programs_thread(thread))
            ):  # fmt: skip
                return False
            run, step = run_of() or find_only_open(), fields.get("step")
            spool = recorder._ready  # noqa: SLF001 - a property would be a call for each entry
            # An error takes the careful way: it carries its fingerprint, and is urgent.
            if run is None or spool is None or levelno < spool.lowest_level or levelno >= ERROR:
                return False
            run_id = run.id_text
            line = encode(
                run_id, fields["created"], level, step_of() if step is None else step,
                message, fields["args"], meta, fields["name"],
            )  # fmt: skip
            if line is None:
                return False
            # Before it is written, not after: a handler that is called meanwhile must see it.
            fields["processName"] = claims.mark
            if not spool.take(line):
                recorder.put(line, levelno, run_id)
        except Exception as error:
            if line is None and not is_interrupt(error):
                return False
            if line is None or not tell_failure(error, "a record could not be stored"):
                raise
        return True

    return store


def make_store_event(  # noqa: C901 - a function and what it remembers
    recorder: Recorder, lowest: int
) -> Callable[[object, str, Any], bool]:
    """Return what stores a plain event of structlog, as ``make_store`` does for records.

    Args:
        recorder: takes the entries.
        lowest: level that the processor stores.
    """
    encode, printing = make_straight(recorder.encoder), "structlog._"
    marks, forget, speaking = once.marks, once.forget, voice.speaking
    run_of, step_of = open_runs.run_variable.get, open_runs.step_variable.get
    shapes: set[tuple[str, ...]] = set()
    kinds: set[type] = set()

    def is_plain_shape(event: dict[Any, Any], shape: tuple[str, ...]) -> bool:
        is_plain = "event" in event and NOT_PLAIN.isdisjoint(event)
        if is_plain:
            _add(shapes, shape)
        return is_plain

    def is_printing(kind: type) -> bool:
        # Any other may end in a logger of the standard library, which makes a record of the event.
        is_plain = kind.__module__.startswith(printing) and not issubclass(kind, logging.Logger)
        if is_plain:
            _add(kinds, kind)
        return is_plain

    def store_event(  # noqa: C901, PLR0911 - one return a reason
        logger: object, method_name: str, event: Any
    ) -> bool:
        line = None
        try:
            if type(event) is not dict or speaking:
                return False
            shape, kind = tuple(event), type(logger)
            if (shape not in shapes and not is_plain_shape(event, shape)) or (
                kind not in kinds and not is_printing(kind)
            ):
                return False
            named, spool = NAMED_LEVELS.get(method_name), recorder._ready  # noqa: SLF001 - as above
            run = run_of() or find_only_open()
            if named is None or spool is None or run is None:
                return False
            meta, (levelno, level) = event.copy(), named
            message, step = meta.pop("event"), meta.pop("step", None)
            told_level = meta.pop("level", method_name)
            if (
                level not in LEVEL_COLUMNS
                or not lowest <= levelno < ERROR
                or levelno < spool.lowest_level
                or type(message) is not str
                or type(told_level) is not str
                or told_level != method_name
            ):
                return False
            now, run_id = time.time(), run.id_text
            if "timestamp" in meta and is_now(meta["timestamp"], now):
                del meta["timestamp"]
            line = encode(
                run_id, now, level, step_of() if step is None else step, message, None, meta, "root"
            )
            if line is None:
                return False
            if marks.is_used:
                forget()
            if not spool.take(line):
                recorder.put(line, levelno, run_id)
        except Exception as error:
            if line is None and not is_interrupt(error):
                return False
            if line is None or not tell_failure(error, "an event was not stored"):
                raise
        return True

    return store_event


def _add(known: set[object] | set[str] | set[type] | set[tuple[str, ...]], item: object) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known.add(item)  # type: ignore[arg-type] # of the set's own kind
