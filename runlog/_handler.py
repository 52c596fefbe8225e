"""RunLogHandler: a LogRecord becomes one line in the spool.

Runs on the caller's thread: must not block and must not raise. The way of an entry begins here and
goes on in ``_entry`` (the line), ``_segments`` (the file), ``_shipper`` (the thread) and ``_store``
(the database).
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import Any

from . import _binding, _process
from ._meta import add_fields, merge_meta
from ._notices import notices
from ._settings import resolve
from ._stack import exception_meta

_PLAIN = logging.LogRecord("", 0, "", 0, "", (), None)
# LogRecord.__init__ sets its attributes first; what a call adds by extra= comes after them.
_PLAIN_COUNT = len(_PLAIN.__dict__)
_SET_BY_FORMATTERS = frozenset({"message", "asctime"})


class RunLogHandler(logging.Handler):
    """Stores log records as entries of the run in whose context they were logged.

    ``extra={"step": "FETCH", "meta": {"count": 150}}`` gives the entry its step and its meta; every
    other extra goes into ``meta`` too, and so do the exception and the logger's name.

    Guarantees: ``emit`` does not wait for the database, for another thread or for a lock, and
    raises nothing. Once it has returned, the entry survives ``kill -9`` of the process; what is not
    delivered when the process ends is delivered by the next one. A record logged outside of any run
    is counted and not stored.

    Works from ``logging.config.dictConfig`` with ``class: runlog.RunLogHandler``. Handlers with the
    same database share one recorder; the settings of the first one hold.

    Args:
        dsn: the database; by default RUNLOG_DSN, DATABASE_URL, libpq's variables or the embedded
            server.
        level: lowest level that is stored; default: everything that reaches the handler
            (RUNLOG_LEVEL).
        settings: any setting of ``runlog.configure``.

    Raises:
        SettingError: an argument is unknown or unusable.
    """

    def __init__(
        self, dsn: str | None = None, *, level: int | str | None = None, **settings: Any
    ) -> None:
        resolved = resolve({"dsn": dsn, "level": level, **settings})
        super().__init__(resolved.level)
        self._settings = resolved
        self._recorder = _process.recorder_for(resolved)

    def shares_recorder_with(self, other: RunLogHandler) -> bool:
        """Tell whether both would store a record in the same place."""
        return self._recorder is other._recorder

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Have no lock: a record is one write to a file, and a lock can be waited for."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and emit, without the lock that ``logging.Handler`` would take."""
        passed: Any = self.filter(record)
        if passed:
            self.emit(record if passed is True else passed)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Append ``record`` to the spool."""
        recorder = self._recorder
        if recorder is None or _is_own_noise(record.name):
            return
        try:
            run_id = _binding.run_id()
            if run_id is None:
                recorder.count_unbound()
                return
            extras = dict(islice(record.__dict__.items(), _PLAIN_COUNT, None))
            step = extras.pop("step", None)
            if step is None:
                step = _binding.step_variable.get()
            meta = _meta(record, extras)
            message = _message(record, meta)
            recorder.record(
                run_id, record.created, record.levelno, record.levelname, step, message, meta
            )
        except Exception as error:
            # Whatever it is, the script must not notice; the first of its kind is told.
            notices.change("handler", repr(error), f"a record could not be stored: {error!r}")

    def flush(self) -> None:
        """Ask for delivery without waiting for it; at the interpreter's exit, deliver.

        logging calls this while it holds its locks: waiting here for a thread that may log would
        be a deadlock. Use ``runlog.flush()`` to wait.
        """
        if self._recorder is not None:
            if _process.is_exiting():
                self._recorder.close()
            else:
                self._recorder.wake()

    def close(self) -> None:
        """Detach from logging's list.

        A later record is still stored: ``dictConfig`` closes handlers that stay attached.
        """
        self.flush()
        super().close()


def _is_own_noise(name: str) -> bool:
    # What the shipping itself logs would feed it for ever.
    return name[:7] == "psycopg" or name == "runlog" or name[:7] == "runlog."


def _meta(record: logging.LogRecord, extras: dict[str, Any]) -> dict[str, Any]:
    for name in _SET_BY_FORMATTERS & extras.keys():
        del extras[name]
    meta = merge_meta(extras.pop("meta", None), extras)
    added: dict[str, Any] = {}
    if record.exc_info:
        added = exception_meta(record.exc_info)
    elif record.exc_text:
        added["stack"] = record.exc_text
    if record.stack_info:
        added["stack_info"] = record.stack_info
    if record.name != "root":
        added["logger"] = record.name
    return add_fields(meta, added) if added else meta


def _message(record: logging.LogRecord, meta: dict[str, Any]) -> object:
    if not record.args:
        return record.msg
    try:
        return record.getMessage()
    except Exception as error:
        meta.setdefault("args", record.args)
        meta.setdefault("format_error", repr(error))
        place = f"{record.pathname}:{record.lineno}"
        notices.change(
            "format", place, f"a message could not be formatted and is stored raw: {place}"
        )
        return record.msg
