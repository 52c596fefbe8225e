"""Levels: their names and numbers, and the four that the column takes."""

from __future__ import annotations

import logging


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


# Names of methods and of levels; structlog's own mapping and what people's loggers are called.
_LEVELS = {
    "notset": (0, "NOTSET"),
    "trace": (5, "TRACE"),
    "debug": (10, "DEBUG"),
    "info": (20, "INFO"),
    "msg": (20, "INFO"),
    "log": (20, "INFO"),
    "success": (25, "SUCCESS"),
    "notice": (25, "NOTICE"),
    "warn": (30, "WARNING"),
    "warning": (30, "WARNING"),
    "err": (40, "ERROR"),
    "error": (40, "ERROR"),
    "exception": (40, "ERROR"),
    "failure": (40, "ERROR"),
    "fatal": (50, "CRITICAL"),
    "critical": (50, "CRITICAL"),
}


def level_of(name: object) -> tuple[int, str] | None:
    """Return number and name of the level called ``name``, None if there is no such level."""
    if not isinstance(name, str):
        return None
    known = _LEVELS.get(name.lower())
    if known is None:
        number = logging.getLevelName(name.upper())
        known = (number, name.upper()) if isinstance(number, int) else None
    return known
