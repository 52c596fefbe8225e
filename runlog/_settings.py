"""The settings: one table of names, defaults and checks, and where each value came from.

A value is taken from the argument, else from the variable ``RUNLOG_<NAME>``, else the default.
A bad argument raises ``SettingError``. A bad variable never stops a script: it is named in one
line on stderr and the default is used; ``strict=True`` (the command line) raises instead.
Runs on the caller's thread; opens nothing.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, NamedTuple, Self, dataclass_transform

from runlog._process.notices import notices
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRUE = frozenset({"1", "true", "yes", "on"})

_FALSE = frozenset({"0", "false", "no", "off", ""})


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("use 1 or 0")
    return word in _TRUE


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 < seconds <= 86_400:  # noqa: PLR2004 - a day; also refuses nan
        raise ValueError("use seconds, more than 0 and at most 86400")
    return seconds


def _patience(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds <= 86_400:  # noqa: PLR2004 - a day; also refuses nan
        raise ValueError("use seconds, from 0 to 86400")
    return seconds


def _days(value: Any) -> float:
    days = float(value)
    if not 0 <= days <= 36_525:  # noqa: PLR2004 - a century; also refuses nan
        raise ValueError("use days, from 0 (never) to 36525")
    return days


def _bytes_from(smallest: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        text = str(value).strip().lower().removesuffix("b").removesuffix("i")
        units = {"k": 2**10, "m": 2**20, "g": 2**30}
        size = int(float(text[:-1]) * units[text[-1]]) if text[-1:] in units else int(text)
        if size < smallest:
            raise ValueError(
                f"use a number of bytes, at least {smallest}; 64M and 1G are understood"
            )
        return size

    return parse


def _level(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = logging.getLevelName(str(value).strip().upper())
    if isinstance(number, int):
        return number
    if str(value).strip().isdigit():
        return int(value)
    raise ValueError("use a level such as DEBUG, INFO, WARNING, ERROR or a number")


def _name(value: Any) -> str:
    text = str(value)
    if not text.strip() or "\0" in text:
        raise ValueError("use a name that is not empty")
    return text


def _names(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return tuple(value)


def _callback(value: Any) -> Any:
    if not callable(value):
        raise ValueError("use a function from str to str")  # noqa: TRY004 - becomes a SettingError
    return value


class Setting(NamedTuple):
    """One row of the table."""

    default: Any
    parse: Callable[[Any], Any]
    about: str


def _setting(default: Any, parse: Callable[[Any], Any], about: str) -> Any:
    return Setting(default, parse, about)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(_setting,))
class _Table:
    """What a frozen dataclass would be; ``dataclasses`` takes 6 ms to import, of 20 for runlog."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update({name: row.default for name, row in TABLE.items()}, **values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings do not change; use replaced({name}={value!r})")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def replaced(self, **changes: Any) -> Self:
        """Return the same settings with ``changes``."""
        return type(self)(**{**self.__dict__, **changes})


class Settings(_Table):
    """Every setting, checked. The table is the source of the reference page and of ``doctor``."""

    dsn: str | None = _setting(
        None, str, "address of the database; a URL, libpq words or embedded:"
    )
    schema: str = _setting("public", _name, "schema of the tables runs and logs")
    spool_dir: str | None = _setting(None, _name, "folder of the spool; the user's state folder")
    spool_max_bytes: int = _setting(
        512 * 2**20, _bytes_from(2**20), "disk that waiting entries may take, per process"
    )
    max_entry_bytes: int = _setting(
        256 * 2**10, _bytes_from(2**12), "size over which an entry is cut, head and tail kept"
    )
    flush_interval: float = _setting(1.0, _seconds, "seconds between two batches")
    exit_timeout: float = _setting(5.0, _patience, "seconds that the end of the script may wait")
    connect_timeout: float = _setting(10.0, _seconds, "seconds for one attempt to connect")
    statement_timeout: float = _setting(30.0, _seconds, "seconds for one statement, wall clock")
    retry_interval: float = _setting(0.5, _seconds, "seconds before the first retry; doubles")
    retry_interval_max: float = _setting(30.0, _seconds, "seconds between retries at the most")
    heartbeat_interval: float = _setting(30.0, _seconds, "seconds between two signs of life")
    overlap_timeout: float | None = _setting(
        None, _seconds, 'seconds that overlap="wait" waits at the most; without limit'
    )
    retention_days: float = _setting(
        0.0, _days, "days after which runs are deleted, once an hour; 0: never"
    )
    default_step: str = _setting("LOG", _name, "step of an entry that names none")
    level: int = _setting(logging.NOTSET, _level, "lowest level that is stored")
    redact: bool = _setting(True, _boolean, "replace secrets by a marker")
    redact_keys: tuple[str, ...] = _setting((), _names, "further keys whose values are secret")
    redact_patterns: tuple[Any, ...] = _setting((), _names, "further patterns of secrets in text")
    redact_callback: Callable[[str], str] | None = _setting(
        None, _callback, "function that sees each text after the patterns"
    )
    github_summary: bool = _setting(
        True, _boolean, "tell of the run in the job's summary on GitHub"
    )
    github_annotation: bool = _setting(True, _boolean, "annotate the job on GitHub with an error")
    enabled: bool = _setting(True, _boolean, "record at all; switched off, runlog does nothing")


TABLE = {name: row for name, row in vars(Settings).items() if isinstance(row, Setting)}
"""Every setting by its name."""


OTHER_VARIABLES = {
    "RUNLOG_RUN_ID": "the run that this process logs into; from its parent process",
    "RUNLOG_RUN_PLACE": "which tables that run is in; from its parent process",
    "RUNLOG_BATCH_ID": "the batch that runs of this process belong to; from its parent process",
    "RUNLOG_INSTALLED_RUN_ID": "the run of install() in the parent process",
    "RUNLOG_EMBEDDED_DIR": "where the embedded PostgreSQL has its data",
    "RUNLOG_FORMAT": "how the command line prints, unless an option says",
    "RUNLOG_DEBUG": "the command line shows whole tracebacks",
    "RUNLOG_TEST_DSN": "the server of tests that use runlog.testing",
    "RUNLOG_CONFIG": "the file of the alerts' rules",
    "RUNLOG_ALERT_URLS": "where alerts are sent to",
    "RUNLOG_ALERT_SECRET": "signs what is sent to a webhook",
    "RUNLOG_ALERT_TITLE": "of an alert, for the command that is told",
    "RUNLOG_ALERT_KIND": "of an alert, for the command that is told",
    "RUNLOG_ALERT_SEVERITY": "of an alert, for the command that is told",
    "RUNLOG_PING_URL": "an address that is called after each look of the watcher",
    "RUNLOG_BASE_URL": "the dashboard's address, for links in alerts",
    "RUNLOG_DASHBOARD_TOKEN": "opens the dashboard",
}
"""Every variable that is no setting, and what it says."""


def variable(name: str) -> str:
    """Return the environment variable of setting ``name``."""
    return f"RUNLOG_{name.upper()}"


def resolve(
    given: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Settings:
    """Return checked settings from arguments and environment; None as argument means not given.

    Raises:
        SettingError: an argument is unknown or unusable, or, with ``strict``, a variable is.
    """
    environ = os.environ if environ is None else environ
    given = {name: value for name, value in (given or {}).items() if value is not None}
    for name in given:
        if name not in TABLE:
            raise SettingError(_unknown(name), name=name)
    values: dict[str, Any] = {}
    for name in TABLE:
        if name in given:
            values[name] = _checked(name, given[name], "argument")
        elif (text := environ.get(variable(name), "")).strip():
            # Empty is not given: so CI and Compose pass what nobody has set.
            _take_variable(values, name, text, strict=strict)
    values["dsn"] = choose(values.get("dsn"), environ)
    return Settings(**values)


def _take_variable(values: dict[str, Any], name: str, text: str, *, strict: bool) -> None:
    try:
        values[name] = _checked(name, text, variable(name))
    except SettingError as error:
        if strict:
            raise
        told = f"{error}; using the default {TABLE[name].default!r}"
        notices.change(variable(name), text, told)


def _checked(name: str, value: Any, origin: str) -> Any:
    try:
        return TABLE[name].parse(value)
    except (TypeError, ValueError, OverflowError) as error:
        shown = f"argument {name}" if origin == "argument" else origin
        secret = name == "dsn"
        detail = "" if secret else f"={value!r}"
        raise SettingError(
            f"{shown}{detail} cannot be used; {error}", name=name, origin=origin
        ) from None


def _unknown(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, TABLE, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"known are {', '.join(TABLE)}"
    return f"unknown setting {name!r}; {hint}"


EMBEDDED = "embedded:"

_LIBPQ_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGUSER", "PGPORT")


def choose(dsn: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the address to use, in the order of the documentation; None when there is none.

    The order: ``dsn`` (argument or RUNLOG_DSN), DATABASE_URL, libpq's variables (an empty address
    lets libpq read them), the embedded server where its extra is installed.
    """
    if dsn and dsn.strip():
        return dsn.strip()
    if url := environ.get("DATABASE_URL", "").strip():
        return url
    if any(environ.get(name) for name in _LIBPQ_VARIABLES):
        return ""
    from runlog import embedded

    return EMBEDDED if embedded.is_installed() else None
