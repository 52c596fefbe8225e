"""A run whose script logs, and nobody takes what it logs: said once, with the remedy.

Runs on the caller's thread when a run ends. Looks at the loggers and changes nothing.
"""

from __future__ import annotations

import logging
import os
import sys

from runlog._process.notices import notices
from runlog._recorder import registry

_LIBRARIES = ("site-packages", "dist-packages", os.path.dirname(os.__file__))  # noqa: PTH120 - a text


def tell_unheard(script_name: str) -> None:
    """Say that the run has no entries of its own, if this process has logged and has no taker."""
    if _is_structlog_unheard():
        notices.change(
            "structlog",
            "none",
            f"what structlog says in the run of {script_name!r} is not stored: no RunLogProcessor "
            "is there; put runlog.RunLogProcessor() before the last of its processors",
        )
    if registry.recorders.takers or not _has_logged():
        return
    remedy = "logging.getLogger().addHandler(runlog.RunLogHandler())"
    if not logging.getLogger().handlers:
        # Without a configuration there is no level either that lets INFO pass.
        remedy = (
            'logging.basicConfig(level="INFO", '
            "handlers=[logging.StreamHandler(), runlog.RunLogHandler()])"
        )
    notices.change(
        "takers",
        "none",
        f"what was logged in the run of {script_name!r} is not stored: no RunLogHandler is there; "
        f"add {remedy}, or call runlog.install() in place of RunContext",
    )


def _is_structlog_unheard() -> bool:
    """Tell whether the script has structlog or a logger of it, and nobody takes what that says.

    Neither a processor of ours (the one taker that can be called) nor the standard library.
    """
    structlog = sys.modules.get("structlog")
    if structlog is None or any(callable(taker) for taker in list(registry.recorders.takers)):
        return False
    held = list(vars(sys.modules["__main__"]).values())
    if not any(it is structlog or type(it).__module__.startswith("structlog.") for it in held):
        return False
    factory = structlog.get_config()["logger_factory"]
    return type(factory).__module__ != "structlog.stdlib"


def _has_logged() -> bool:
    """Tell whether any logger was asked for INFO or more, whether or not a record came of it.

    Each remembers which levels it was asked for; without a configuration nothing else knows of
    ``log.info``.
    """
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        if isinstance(logger, logging.Logger) and not _is_of_a_library(logger.name):
            asked = list(getattr(logger, "_cache", ()))
            if any(isinstance(level, int) and level >= logging.INFO for level in asked):
                return True
    return False


def _is_of_a_library(name: str) -> bool:
    """Tell whether a logger is named after an installed module: nobody misses what that says."""
    module = sys.modules.get(name.partition(".")[0])
    place = str(getattr(module, "__file__", None) or "")
    return name.startswith("runlog.") or any(library in place for library in _LIBRARIES)
