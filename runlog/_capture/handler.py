"""RunLogHandler: a LogRecord becomes one line in the spool.

Runs on the caller's thread: must not block and must not raise. The way of an entry begins here and
goes on in ``_entry`` (the line), ``_spool`` (the file) and ``_delivery`` (thread and database).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from runlog._capture.calls import claim, hand_over, is_held, keep_what_waits
from runlog._capture.failures import tell_failure
from runlog._capture.log_record import OWN_THREADS, is_own_noise, read_fields
from runlog._capture.once import Claims, claims_of
from runlog._capture.straight import make_store
from runlog._entry.levels import level_number
from runlog._process import exit as _exit
from runlog._process.voice import speaking
from runlog._recorder import registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from runlog._recorder.given import OtherSettings
    from runlog._recorder.recorder import Recorder


class RunLogHandler(logging.Handler):
    """Stores log records as entries of the run in whose context they were logged.

    ``extra={"step": "FETCH", "meta": {"count": 150}}`` gives the entry its step and its meta; every
    other extra goes into ``meta`` too, and so do the exception and the logger's name.

    Guarantees: ``emit`` does not wait for the database, for another thread or for a lock, and
    raises nothing. Once it has returned, the entry survives ``kill -9`` of the process; what is not
    delivered when the process ends is delivered by the next one. A record logged outside of any run
    is counted and not stored.

    A record that waits in one of logging's own queues or buffers (``QueueHandler``,
    ``MemoryHandler``) keeps run and step of its call. One that waits in a queue of another make
    belongs to the run in whose context it is handled at last.

    Works from ``logging.config.dictConfig`` with ``class: runlog.RunLogHandler``, behind a
    ``QueueHandler`` and as a sink of loguru. Handlers with the same database share one recorder;
    the settings of the first one hold, and a record that several of them see is stored once.

    Args:
        dsn: the database; by default RUNLOG_DSN, DATABASE_URL, libpq's variables or the embedded
            server; where ``configure`` or a run has chosen one for this process, that one.
        level: lowest level that is stored; default: everything that reaches the handler
            (RUNLOG_LEVEL).
        settings: any setting of ``runlog.configure``.

    Raises:
        SettingError: an argument is unknown or unusable.
    """

    # Another thread may flush a handler that is being made: it is in logging's list already.
    _recorder: Recorder | None = None
    _wrote = False
    _filters_itself = False
    """Whether a class of the user's has a ``filter`` of its own."""

    def __init_subclass__(cls, **given: Any) -> None:
        """Note what a class of the user's has in the place of logging's own."""
        super().__init_subclass__(**given)
        cls._filters_itself = cls.filter is not RunLogHandler.filter

    def __init__(
        self,
        dsn: str | None = None,
        *,
        level: int | str | None = None,
        **settings: Unpack[OtherSettings],
    ) -> None:
        self._given = {"dsn": dsn, "level": level, **settings}
        super().__init__(registry.settings_for(self._given).level)
        self.follow()
        registry.recorders.takers.add(self)
        if self._recorder is not None:
            keep_what_waits()

    def follow(self) -> None:
        """Record where this process does, unless a database of its own was named."""
        self._settings = registry.settings_for(self._given)
        self._direct_to(registry.recorder_for(self._settings))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arguments, and what logging keeps in a handler: loguru pickles its sinks."""
        kept = {name: vars(self)[name] for name in ("filters", "formatter", "level", "_name")}
        return _again, (type(self), self._given), kept

    def _direct_to(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        self._claims = claims_of(recorder) if recorder is not None else Claims()
        self._store_plain: Callable[[logging.LogRecord], bool] = lambda _: False
        # A class of the user's may have put an emit of its own in the place of ours.
        if recorder is not None and type(self).emit is RunLogHandler.emit:
            self._store_plain = make_store(recorder, self._claims)

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Have no lock: a record is one write to a file, and a lock can be waited for."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and emit, without the lock that ``logging.Handler`` would take."""
        if self.filters or self._filters_itself:
            passed: Any = self.filter(record)
            if not passed:
                return False
            # Since Python 3.12 a filter may hand on another record; anything else just says yes.
            if passed is not record and issubclass(type(passed), logging.LogRecord):
                self._handle_in_place(record, passed)
                return True
        if not self._store_plain(record):
            self.emit(record)
        return True

    def _handle_in_place(self, original: logging.LogRecord, record: logging.LogRecord) -> None:
        """Emit what a filter of this handler puts in the place of ``original``, which others see.

        One of the two is stored, by whichever handler comes first.
        """
        try:
            if is_held(original, self._claims):
                return
            hand_over(original, record)
            self.emit(record)
            # Behind it: both may have one list of who has stored them.
            claim(original, self._claims)
        except Exception as error:
            if not tell_failure(error, "a record could not be stored"):
                raise

    def emit(self, record: logging.LogRecord) -> None:
        """Append ``record`` to the spool."""
        recorder = self._recorder
        if recorder is None:
            return
        try:
            fields = record.__dict__
            thread = fields.get("threadName")
            if (type(thread) is not str or thread[:7] == OWN_THREADS or speaking) and is_own_noise(
                fields.get("name"), thread
            ):
                return
            told = claim(record, self._claims)
            if told is None:
                return
            run_id, active_step, at_call = told
            if run_id is None:
                recorder.count_unbound()
                return
            step, message, meta, logger = read_fields(record, at_call)
            levelno = fields.get("levelno")
            if type(levelno) is not int:
                levelno = level_number(levelno)
            created: Any = fields.get("created")
            recorder.record(
                run_id, created, levelno, fields.get("levelname"),
                active_step if step is None else step, message, meta, logger,
            )  # fmt: skip
        except Exception as error:
            if not tell_failure(error, "a record could not be stored"):
                raise

    def write(self, text: str) -> None:
        """Store a message of loguru: ``logger.add(runlog.RunLogHandler())``."""
        try:
            from runlog._capture.loguru import to_log_record

            record = to_log_record(text)
            if record.levelno >= self.level and record.msg != "":
                self.handle(record)
        except Exception as error:
            if not tell_failure(error, "a message could not be stored"):
                raise
        # loguru flushes after each message, which would ship each by itself.
        self._wrote = True

    def flush(self) -> None:
        """Ask for delivery without waiting for it; at the interpreter's exit, deliver.

        logging calls this while it holds its locks: waiting here for a thread that may log would
        be a deadlock. Use ``runlog.flush()`` to wait.
        """
        wrote, self._wrote = self._wrote, False
        if self._recorder is not None:
            if _exit.is_exiting():
                self._recorder.close()
            elif not wrote:
                self._recorder.wake()

    def close(self) -> None:
        """Detach from logging's list.

        A later record is still stored: ``dictConfig`` closes handlers that stay attached.
        """
        self.flush()
        super().close()


def _again(kind: type[RunLogHandler], given: dict[str, Any]) -> RunLogHandler:
    """Make a handler of the same arguments in another process, or beside its original."""
    return kind(**given)
