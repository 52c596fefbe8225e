"""Levels: their names and numbers, and the four that the column takes. The one home of both."""

from __future__ import annotations

import logging

from runlog._process.interrupts import is_interrupt

DEBUG, INFO, WARNING, ERROR, CRITICAL = 10, 20, 30, 40, 50
"""As the standard library has them; what is between two belongs to the lower one."""

COLUMN_LEVELS = {DEBUG: "DEBUG", INFO: "INFO", WARNING: "WARNING", ERROR: "ERROR"}
"""The levels that the column takes, by the number that is exactly theirs."""

# Names of methods and of levels; structlog's own mapping and what people's loggers are called.
NAMED_LEVELS = {
    "notset": (0, "NOTSET"),
    "trace": (5, "TRACE"),
    "debug": (DEBUG, "DEBUG"),
    "info": (INFO, "INFO"),
    "msg": (INFO, "INFO"),
    "log": (INFO, "INFO"),
    "success": (25, "SUCCESS"),
    "notice": (25, "NOTICE"),
    "warn": (WARNING, "WARNING"),
    "warning": (WARNING, "WARNING"),
    "err": (ERROR, "ERROR"),
    "error": (ERROR, "ERROR"),
    "exception": (ERROR, "ERROR"),
    "failure": (ERROR, "ERROR"),
    "fatal": (CRITICAL, "CRITICAL"),
    "critical": (CRITICAL, "CRITICAL"),
}
"""Number and name of a level, by what a method or a level is called."""


def level_name(levelno: int) -> str:
    """Return the level that the column takes: DEBUG, INFO, WARNING or ERROR."""
    try:
        if levelno < INFO:
            return "DEBUG"
        if levelno < WARNING:
            return "INFO"
        if levelno < ERROR:
            return "WARNING"
        if levelno >= ERROR:
            return "ERROR"
    except Exception as error:
        if is_interrupt(error):
            raise
    # Not a number: neither hidden among DEBUG nor an alarm.
    return "INFO"


def level_number(levelno: object) -> int:
    """Return the number of a level, whatever a record has there; INFO for what is none."""
    try:
        return int(levelno)  # type: ignore[call-overload,no-any-return] # or it raises
    except Exception as error:
        if is_interrupt(error):
            raise
        return INFO


def level_of(name: object) -> tuple[int, str] | None:
    """Return number and name of the level called ``name``, None if there is no such level."""
    if not isinstance(name, str):
        return None
    known = NAMED_LEVELS.get(name.lower())
    if known is None:
        number = logging.getLevelName(name.upper())
        known = (number, name.upper()) if isinstance(number, int) else None
    return known
