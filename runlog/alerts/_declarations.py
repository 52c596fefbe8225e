"""What holds for a script: the file over its code over the defaults, key by key. Pure.

The longest pattern of the file wins over shorter ones, its exact name over all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runlog._expectations import KEYS, checked, host_timezone, seconds_of
from runlog.alerts._schedule import EARLY, GITHUB_GRACE, Schedule
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlog.alerts._config import Config

EVERYTHING: Final = "*"
"""Stands in for a script where no single one is meant."""


MOST_MISSED: Final = 100
"""So many starts that did not come are counted."""


class Rule(NamedTuple):
    """A rule as it holds for a script.

    Attributes:
        threshold: seconds, a share, an amount or a number, as the rule says; None: by history.
        after: how many runs in a row.
        timezone: of its days and months.
    """

    script_name: str
    name: str
    severity: str
    threshold: float | None = None
    after: int = 1
    timezone: str = "UTC"


class _Default(NamedTuple):
    severity: str
    key: str | None = None
    """The key without which the rule is off, and which is its threshold."""
    threshold: float | None = None
    after: int = 1


_DEFAULTS: Final[dict[str, _Default]] = {
    "failed": _Default("error"),
    "missed": _Default("error", key="schedule"),
    "stale": _Default("error", key="fresh"),
    "long": _Default("warning", after=2),
    "zero": _Default("warning"),
    "partial": _Default("warning", threshold=0.1),
    "cost_run": _Default("warning", key="max_cost"),
    "cost_day": _Default("warning", key="budget_day"),
    "cost_month": _Default("warning", key="budget_month"),
    "new_error": _Default("warning"),
    "asked": _Default("warning"),
    "quiet": _Default("warning", key="quiet"),
    "skipped": _Default("warning", threshold=3),
}
RULES: Final = tuple(_DEFAULTS)
"""Rules of a script."""
_OF_ALL: Final = ("budget_day", "budget_month")
GLOBAL_RULES: Final = ("silence", "unwatched", "undelivered", "backlog")
"""Rules that are on and are of no single script."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """All that is expected of one script.

    Attributes:
        values: key → value, as stored.
        origins: key → ``code``, or the file's table.
        faults: what was declared and nobody understands.
    """

    script_name: str
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    faults: tuple[str, ...] = ()
    is_github: bool = False

    @property
    def schedule(self) -> Schedule | None:
        """When it is expected; None: nobody said."""
        if "schedule" not in self.values:
            return None
        grace = self._span("grace")
        return Schedule(
            self.values["schedule"],
            self.timezone,
            GITHUB_GRACE if grace is None and self.is_github else grace,
            EARLY if (early := self._span("early")) is None else early,
        )

    @property
    def timezone(self) -> str:
        """The zone of its schedule, its days and the times in messages."""
        return str(self.values.get("timezone", "UTC"))

    def with_fault(self, said: str) -> Expectation:
        """Return the same with one more thing that cannot be meant."""
        return replace(self, faults=(*self.faults, said))

    def rules(self) -> list[Rule]:
        """Return the rules that are on."""
        found = (self._rule(name, default) for name, default in _DEFAULTS.items())
        return [rule for rule in found if rule is not None]

    def _rule(self, name: str, default: _Default) -> Rule | None:
        given = self.values.get(name, True) if name in KEYS else True
        if default.key == name:
            given = True
        if given is False or (default.key is not None and default.key not in self.values):
            return None
        options = given if isinstance(given, dict) else {}
        return Rule(
            self.script_name,
            name,
            options.get("severity") or self.values.get("severity") or default.severity,
            options.get("threshold", self._threshold(name, default)),
            options.get("after", default.after),
            self.timezone,
        )

    def _threshold(self, name: str, default: _Default) -> float | None:
        key = "max_duration" if name == "long" else default.key
        value = self.values.get(key) if key and key != "schedule" else None
        if value is None:
            return default.threshold
        return seconds_of(value) if isinstance(value, str) else float(value)

    def _span(self, key: str) -> timedelta | None:
        value = self.values.get(key)
        return None if value is None else timedelta(seconds=seconds_of(value))


def expectation_of(
    script_name: str,
    declared: Any,
    config: Config,
    *,
    is_github: bool = False,
    timezone: str | None = None,
) -> Expectation:
    """Return what holds for a script that declared ``declared`` in its newest run.

    Args:
        script_name: the script.
        declared: what it said.
        config: the file.
        is_github: it ran there.
        timezone: where nobody says one; default: this host's.
    """
    values, origins, faults = _understood(declared)
    for pattern in sorted(config.scripts, key=lambda name: (_is_pattern(name), len(name))):
        if _is_pattern(pattern) and fnmatchcase(script_name, pattern):
            _take(values, origins, config.scripts[pattern], pattern)
    _take(values, origins, config.scripts.get(script_name, {}), script_name)
    if "timezone" not in values:
        values["timezone"] = config.timezone or timezone or host_timezone(os.environ)
    return Expectation(script_name, values, origins, tuple(faults), is_github)


def expectation_of_all(config: Config) -> list[Rule]:
    """Return the budgets of all scripts together, which ``[scripts."*"]`` holds."""
    values = {key: config.scripts.get(EVERYTHING, {}).get(key) for key in _OF_ALL}
    names = {"budget_day": "cost_day", "budget_month": "cost_month"}
    timezone = expectation_of(EVERYTHING, None, config).timezone
    return [
        Rule(EVERYTHING, names[key], "warning", float(value), timezone=timezone)
        for key, value in values.items()
        if value is not None
    ]


def _take(
    values: dict[str, Any], origins: dict[str, str], given: Mapping[str, Any], name: str
) -> None:
    for key, value in given.items():
        if name == EVERYTHING and key in _OF_ALL:
            # A budget of all scripts together, not one of each.
            continue
        values[key] = value
        origins[key] = f'file: [scripts."{name}"]'


def _understood(declared: Any) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Return what of a declaration is usable: any program may have written it."""
    values: dict[str, Any] = {}
    faults = []
    for key, value in declared.items() if isinstance(declared, dict) else ():
        try:
            values[key] = checked({key: value})[key]
        except SettingError as error:
            faults.append(str(error))
    return values, dict.fromkeys(values, "code"), faults


def _is_pattern(name: str) -> bool:
    return bool(set("*?") & set(name))
