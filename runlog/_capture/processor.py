"""RunLogProcessor: an event_dict of structlog becomes one line in the spool.

Runs on the caller's thread: must not block and must not raise. structlog is not imported here:
a processor is any callable. What an event says is read in ``event_dict``; that it is stored once,
although it may go on to the standard library's logging, is kept in ``once`` and ``log_record``.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar

from runlog._capture import calls, log_record, once
from runlog._capture.event_dict import Event, read_event
from runlog._capture.failures import tell_failure
from runlog._capture.straight import make_store_event
from runlog._entry.levels import level_number
from runlog._entry.meta import as_dict
from runlog._entry.texts import text_of
from runlog._recorder import open_runs, registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Unpack

    from runlog._recorder.given import OtherSettings
    from runlog._recorder.recorder import Recorder

_Event = TypeVar("_Event")
_NEAR = 12


class RunLogProcessor:
    """Stores structlog events as entries of the run in whose context they were logged.

    Put it anywhere before the renderer. ``log.info("Fetched", step="FETCH", count=150)`` gives the
    entry its message, step and meta; every key but ``event``, ``step``, ``level``, ``exc_info`` and
    ``stack_info`` goes into ``meta``, and the fields of a key ``meta`` too.

    Guarantees: the event goes on as it came, the same object with nothing added, so the renderer
    prints what it always printed. A call does not wait for the database, for another thread or for
    a lock, and raises nothing. An event that then goes through the standard library's logging to a
    ``RunLogHandler`` of the same database is stored once. Thread-safe. An event logged outside of
    any run is counted and not stored.

    It also works among the processors of ``structlog.stdlib.ProcessorFormatter`` and in its
    ``foreign_pre_chain``, where it stores the records of the standard library's loggers as well.

    Args:
        dsn: the database; by default RUNLOG_DSN, DATABASE_URL, libpq's variables or the embedded
            server.
        level: lowest level that is stored; default: everything that reaches the processor
            (RUNLOG_LEVEL).
        settings: any setting of ``runlog.configure``.

    Raises:
        SettingError: an argument is unknown or unusable.
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        level: int | str | None = None,
        **settings: Unpack[OtherSettings],
    ) -> None:
        self._given = {"dsn": dsn, "level": level, **settings}
        self.follow()
        registry.recorders.takers.add(self)
        if self._recorder is not None:
            calls.keep_what_waits()

    def follow(self) -> None:
        """Record where this process does, unless a database of its own was named."""
        self._settings = registry.settings_for(self._given)
        self._direct_to(registry.recorder_for(self._settings))

    def _direct_to(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        self._claims = once.claims_of(recorder) if recorder is not None else once.Claims()
        self._store_plain: Callable[[object, str, Any], bool] = lambda *_: False
        if recorder is not None:
            self._store_plain = make_store_event(recorder, self._settings.level)

    def __call__(self, logger: Any, method_name: str, event_dict: _Event) -> _Event:
        """Store ``event_dict`` and return it."""
        recorder = self._recorder
        if recorder is not None and not self._store_plain(logger, method_name, event_dict):
            try:
                self._store(recorder, logger, method_name, event_dict)
            except Exception as error:
                if not tell_failure(error, "an event was not stored"):
                    raise
        return event_dict

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arguments: bound loggers are pickled with their processors."""
        return _again, (self._given,)

    def _store(self, recorder: Recorder, logger: Any, method_name: str, event: Any) -> None:
        if type(event) is not dict:
            # Behind the renderer there is no event_dict any more. A class of the user's is not
            # asked for its items: its methods may do anything.
            is_mapping = issubclass(type(event), Mapping)
            event = as_dict(event) if is_mapping else {"event": event}
        handled = event.get("_record")
        if issubclass(type(handled), logging.LogRecord):
            self._store_handled(recorder, handled, event)
            return
        if once.marks.is_used:
            once.forget()
        name = once.name_of(logger)
        name = name if type(name) is str and issubclass(type(logger), logging.Logger) else None
        now = time.time()
        read = read_event(event, method_name, name, now)
        if self._is_left_out(read[0], name or event.get("logger"), None):
            return
        self._append(recorder, open_runs.run_id(), open_runs.step_variable.get(), now, read)
        if not type(logger).__module__.startswith("structlog._"):
            # Those print; any other may be, or end in, a logger of the standard library.
            once.announce(self._claims, logger)

    def _store_handled(
        self, recorder: Recorder, handled: logging.LogRecord, event: Mapping[str, Any]
    ) -> None:
        """Store a record that ``ProcessorFormatter`` is formatting, unless it is stored."""
        said = handled.__dict__
        levelno, name = level_number(said.get("levelno")), said.get("name")
        if self._is_left_out(levelno, name, said.get("threadName")):
            return
        told = calls.claim(_find_original(handled), self._claims)
        if told is None:
            return
        extras = log_record.extras_of(handled)
        fields = {**extras, **event}
        for key in ("_record", "_from_structlog", "_logger", "_name", "level", "level_number"):
            fields.pop(key, None)
        created: Any = said.get("created")
        levelname: Any = said.get("levelname")
        read = read_event(fields, "", text_of(name), created)
        run_id, active_step, _ = told
        self._append(recorder, run_id, active_step, created, (levelno, levelname, *read[2:]))

    def _is_left_out(self, levelno: int, name: object, thread_name: object) -> bool:
        return levelno < self._settings.level or log_record.is_own_noise(name, thread_name)

    @staticmethod
    def _append(
        recorder: Recorder, run_id: str | None, active_step: object, created: float, read: Event
    ) -> None:
        if run_id is None:
            recorder.count_unbound()
            return
        levelno, levelname, step, message, meta, logger = read
        if step is None:
            step = active_step
        recorder.record(run_id, created, levelno, levelname, step, message, meta, logger)


def _again(given: MutableMapping[str, Any]) -> RunLogProcessor:
    return RunLogProcessor(**given)


def _find_original(handled: logging.LogRecord) -> logging.LogRecord:
    """Return the record of which ``ProcessorFormatter.format`` made the copy ``handled``.

    What is known of a record's call is not copied there; the formatter's caller has the original.
    """
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to the frames
    for _ in range(_NEAR):
        if frame is None:
            break
        if frame.f_code.co_name in {"format", "handle", "emit"}:
            record = frame.f_locals.get("record")
            if (
                isinstance(record, logging.LogRecord)
                and record is not handled
                and record.__dict__.get("created") is handled.__dict__.get("created")
                and record.__dict__.get("name") is handled.__dict__.get("name")
            ):
                return record
        frame = frame.f_back
    return handled
