"""What a failed command says and returns: one line on stderr with the remedy, and the exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click

from runlog._database import dsn as _dsn
from runlog._process.visible import visible
from runlog.errors import RunlogError, SchemaError

USAGE, NO_DATABASE, NOT_FOUND, INTERRUPTED = 2, 3, 4, 130


class NotFoundError(RunlogError):
    """What was asked for is not there."""


def exit_code_of(error: BaseException) -> int:
    """Print what ``error`` means to a person and return the exit code; ``--debug`` shows it all."""
    if type(sys.stdout).__name__.endswith("PacifyFlushWrapper"):
        # click's mark that the reader (head, less) has seen enough.
        return 0
    if isinstance(error, SystemExit):
        if isinstance(error.code, str):
            _say(error.code)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if os.environ.get("RUNLOG_DEBUG"):
        import traceback

        _say("".join(traceback.format_exception(error)), keep="\n")
    return _explain(error)


def _explain(error: BaseException) -> int:
    if isinstance(error, NotFoundError):
        code = NOT_FOUND
    elif isinstance(error, SchemaError) or _is_of_database(error):
        code = NO_DATABASE
    elif isinstance(error, RunlogError):
        code = USAGE if isinstance(error, ValueError) else NO_DATABASE
    elif isinstance(error, OSError):
        _leave_stdout()
        code = 1
    else:
        said = f"{type(error).__name__}: {error}"
        _say(f"this should not happen: {said}; --debug shows where")
        return 1
    _say(str(error).strip())
    return code


def _say(text: str, *, keep: str = "") -> None:
    """Write to stderr, with no password in it and nothing that a terminal would obey."""
    dsn = os.environ.get("RUNLOG_DSN") or os.environ.get("DATABASE_URL") or ""
    safe = visible(_dsn.without_password(text, dsn, os.environ), keep=keep)
    print(f"runlog: {safe}", file=sys.stderr)


def _leave_stdout() -> None:
    """Drop what could not be written, so that the interpreter does not try again and complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_of_database(error: BaseException) -> bool:
    return type(error).__module__.startswith("psycopg")
