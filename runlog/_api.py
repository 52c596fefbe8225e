"""The functions of the package that concern the process's recorder."""

from __future__ import annotations

from typing import Any

from . import _process


def configure(**settings: Any) -> None:
    """Choose the database and the settings of this process; optional, the environment will do.

    Does not connect and does not wait. Every setting is also the variable ``RUNLOG_<NAME>``; an
    argument wins. The reference page of the settings lists them with their defaults.

    Raises:
        SettingError: an argument is unknown or unusable; the message names it and what would do.
    """
    _process.configure(**settings)


def flush(timeout: float | None = None) -> bool:
    """Wait until everything logged so far is committed.

    Args:
        timeout: seconds to wait at the most; default: the setting ``exit_timeout``.

    Returns:
        True when all is committed or there is nothing to do; False when time ran out: the entries
        stay in the spool and are delivered later.
    """
    recorder = _process.current()
    return True if recorder is None else recorder.flush(timeout)
