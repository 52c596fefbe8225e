"""What is expected of a script: which keys there are, and what their values may be.

Here live the keys of ``expects={…}`` and of ``[scripts."…"]`` in ``runlog.toml``, checked where
they are written. Not here: what follows from them (``alerts``). Pure, but for the host's time zone;
imported only by those who declare or judge.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ._cron import checked_cron
from .errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SEVERITIES: Final = ("info", "warning", "error")
SEPARATOR: Final = "; "
"""Between the schedules of a script that has several."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_EVERY: Final = re.compile(r"every\s+(\d+\s*[smhdw])")
_NICKNAMES: Final = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}  # fmt: skip


def checked(expects: Mapping[str, Any], *, place: str = "expects") -> dict[str, Any]:
    """Return ``expects`` as it is stored: JSON, spans as text, the time zone named.

    Args:
        expects: the keys of the reference page "alerts".
        place: where it was written, for the error.

    Raises:
        SettingError: a key or a value cannot be used; a typo must not switch a watch off.
    """
    try:
        found = {name: _checked(name, value, place) for name, value in expects.items()}
    except SettingError:
        raise
    except Exception as error:
        # What is no dict, or has a key or a value whose own methods raise.
        told = f"{place}: cannot be used ({type(error).__name__}); write {{'fresh': '26h'}}"
        raise SettingError(told, name="expects", origin=place) from None
    if "schedule" in found and "timezone" not in found and not _is_spans(found["schedule"]):
        found["timezone"] = host_timezone(os.environ)
    return found


def _checked(name: str, value: Any, place: str) -> Any:
    if name not in KEYS:
        import difflib

        close = difflib.get_close_matches(name, KEYS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(KEYS)}"
        raise SettingError(f"{place}: unknown key {name!r}; {hint}", name=name, origin=place)
    try:
        return KEYS[name](value)
    except ValueError as error:
        said = _joined(f"{name}={value!r}", error)
        raise SettingError(f"{place}: {said}", name=name, origin=place) from None


def _joined(what: str, error: ValueError) -> str:
    return f"{what}{error}" if str(error).startswith(":") else f"{what} {error}"


def seconds_of(text: str) -> float:
    """Return the seconds of a span such as ``90s``, ``10m``, ``26h`` or ``1d12h``.

    Raises:
        ValueError: it is none.
    """
    compact = re.sub(r"\s+", "", text.lower())
    if re.fullmatch(r"\d+(\.\d+)?", compact):
        raise ValueError(f"has no unit; use {compact}s, {compact}m, 2h or 1d")
    if not compact or _SPAN.sub("", compact):
        raise ValueError("is no span; use 10s, 10m, 2h or 1d")
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _SPAN.findall(compact))
    if seconds > 10 * 366 * 86400:
        raise ValueError("is longer than ten years; use less")
    return seconds


def interval_of(schedule: str) -> float | None:
    """Return the seconds of ``every 15m``, None of a cron expression."""
    match = _EVERY.fullmatch(schedule)
    return seconds_of(match[1]) if match else None


def host_timezone(environ: Mapping[str, str]) -> str:
    """Return the IANA name of this host's zone; UTC on GitHub and where nothing tells."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return "UTC"
    candidates = [environ.get("TZ", "").removeprefix(":"), os.path.realpath("/etc/localtime")]
    for candidate in candidates:
        name = candidate.rpartition("zoneinfo/")[2].removeprefix("posix/")
        if name and not name.startswith("/"):
            try:
                return _timezone(name)
            except ValueError:
                continue
    return "UTC"


def _is_spans(schedule: str) -> bool:
    return all(interval_of(part) is not None for part in schedule.split(SEPARATOR))


def _span(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"has no unit; use '{value}s', '{value}m', '2h' or '1d'")  # noqa: TRY004 - becomes a SettingError
    if seconds_of(_text(value)) <= 0:
        raise ValueError("is no time at all; use more")
    return str(value)


def _grace(value: Any) -> str:
    if not isinstance(value, timedelta) and seconds_of(_text(value)) == 0:
        return "0s"
    return _span(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is no text")
    return value.strip()


def _schedule(value: Any) -> str:
    parts = [value] if isinstance(value, str) else list(value)
    if not parts:
        raise ValueError("is empty; leave it out")
    pieces = [piece for part in parts for piece in _text(part).split(SEPARATOR)]
    return SEPARATOR.join(_one_schedule(piece.strip()) for piece in pieces)


def _one_schedule(text: str) -> str:
    if text == "@reboot":
        raise ValueError("says no time; leave it out, or use fresh='26h'")
    if text.startswith("@"):
        if text not in _NICKNAMES:
            raise ValueError(f"is unknown; known are {', '.join(_NICKNAMES)}")
        return _NICKNAMES[text]
    if text.startswith("every"):
        match = _EVERY.fullmatch(text)
        if match is None or seconds_of(match[1]) <= 0:
            raise ValueError("is no interval; write 'every 15m'")
        return f"every {match[1].replace(' ', '')}"
    return checked_cron(text)


def _timezone(value: Any) -> str:
    from zoneinfo import ZoneInfo

    name = _text(value)
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(
            "is unknown; use a name such as 'Europe/Berlin' (on a system without a zone database: "
            "pip install tzdata)"
        ) from None
    return name


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("is no number")  # noqa: TRY004 - becomes a SettingError
    if not 0 <= value < 10**15:  # also refuses nan
        raise ValueError("is no amount; use 0 or more")
    return float(value)


def _severity(value: Any) -> str:
    if value not in SEVERITIES:
        raise ValueError(f"is unknown; use one of {', '.join(SEVERITIES)}")
    return str(value)


def _after(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:  # noqa: PLR2004 - a thousand runs
        raise ValueError("is no number of runs; use 1 to 1000")
    return value


def _rule(**options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the check of a rule's key: true, false, or a table of its options."""
    options = {"severity": _severity, **options}

    def check(value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict):
            raise ValueError(f"is neither true nor false nor a table of {', '.join(options)}")  # noqa: TRY004 - becomes a SettingError
        if unknown := set(value) - set(options):
            raise ValueError(
                f"has the unknown key {min(unknown)!r}; known are {', '.join(options)}"
            )
        for name, given in value.items():
            try:
                options[name](given)
            except ValueError as error:
                raise ValueError(f": {_joined(f'{name}={given!r}', error)}") from None
        return {name: options[name](given) for name, given in value.items()}

    return check


KEYS: Final[dict[str, Callable[[Any], Any]]] = {
    "schedule": _schedule,
    "timezone": _timezone,
    "grace": _grace,
    "early": _grace,
    "fresh": _span,
    "max_duration": _span,
    "quiet": _span,
    "max_cost": _amount,
    "budget_day": _amount,
    "budget_month": _amount,
    "failed": _rule(after=_after),
    "missed": _rule(),
    "stale": _rule(),
    "long": _rule(after=_after),
    "zero": _rule(),
    "partial": _rule(threshold=_amount),
    "new_error": _rule(),
    "asked": _rule(),
    "skipped": _rule(threshold=_amount),
    "severity": _severity,
    "owner": _text,
    "runbook": _text,
}
"""Every key and its check, which returns the value as it is stored."""
