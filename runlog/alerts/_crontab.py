"""What crontabs and GitHub workflows say of schedules: read, never executed. Pure."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runlog._expectations import checked
from runlog._process.distribution import pip_line
from runlog.errors import MissingExtraError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VARIABLE: Final = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*)")
_ZONES: Final = frozenset({"CRON_TZ", "TZ"})
_FIELDS: Final = 5
_WITH_VALUE: Final = frozenset(
    {"--script", "--step", "--overlap", "--schedule", "--grace", "--fresh", "--watch-timeout"}
)
_NOT_IT: Final = frozenset({"cd", "export", "source", ".", "set", "pip", "echo", "mkdir", "git"})


class Scheduled(NamedTuple):
    """A script and when it is started, as a file says."""

    script_name: str
    schedule: str
    timezone: str | None
    place: str


def crontab_schedules(
    text: str, *, is_system: bool, name_of: Callable[[list[str]], str]
) -> Iterator[Scheduled]:
    """Return what a crontab starts.

    Args:
        text: the crontab.
        is_system: it has a column for the user.
        name_of: what a run of a command line is called.
    """
    timezone: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if match := _VARIABLE.fullmatch(stripped):
            if match[1] in _ZONES:
                timezone = match[2].strip("\"'") or None
            continue
        schedule, command = _split(stripped, is_system=is_system)
        name = command_name(command, name_of)
        if name is not None and _is_understood(schedule):
            yield Scheduled(name, schedule, timezone, f"line {number}")


def workflow_schedules(folder: Path, *, name_of: Callable[[list[str]], str]) -> Iterator[Scheduled]:
    """Return what the GitHub workflows of a folder start by schedule.

    Raises:
        MissingExtraError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise MissingExtraError(
            f"workflows are YAML: {pip_line('alerts')}, or name --crontab"
        ) from None
    for path in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        document = yaml.safe_load(path.read_text())
        # YAML 1.1 takes the key "on" for true.
        events = document.get("on", document.get(True)) if isinstance(document, dict) else None
        listed = events.get("schedule") if isinstance(events, dict) else None
        names = list(dict.fromkeys(_step_names(document, name_of))) if listed else []
        for each in listed or ():
            for name in names:
                if _is_understood(str(each.get("cron"))):
                    yield Scheduled(
                        name, str(each["cron"]), str(each.get("timezone", "UTC")), path.name
                    )


def _step_names(document: Any, name_of: Callable[[list[str]], str]) -> Iterator[str]:
    for job in (document.get("jobs") or {}).values():
        for step in job.get("steps") or ():
            for line in str(step.get("run") or "").splitlines():
                name = command_name(line, name_of)
                if name is not None and "{{" not in name:
                    yield name


def _split(line: str, *, is_system: bool) -> tuple[str, str]:
    head = 1 if line.startswith("@") else _FIELDS
    words = line.split(None, head + is_system)
    command = words[head + is_system] if len(words) > head + is_system else ""
    # An unescaped % ends the command; what follows is its input.
    return " ".join(words[:head]), re.split(r"(?<!\\)%", command)[0]


def command_name(command: str, name_of: Callable[[list[str]], str]) -> str | None:
    """Return what a run of this command line is called; None when it records none."""
    for part in re.split(r"&&|\|\||;|\|", command):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        while words and (_VARIABLE.fullmatch(words[0]) or words[0] in {"exec", "env", "nohup"}):
            words = words[1:]
        if not words or words[0] in _NOT_IT:
            continue
        if (place := _runlog_at(words)) is not None:
            return _of_runlog(words[place:], name_of)
        return name_of(words)
    return None


def _runlog_at(words: list[str]) -> int | None:
    """Return where the words after ``runlog`` or ``python -m runlog`` begin."""
    if Path(words[0]).name == "runlog":
        return 1
    if words[1:3] == ["-m", "runlog"]:
        return 3
    return None


def _of_runlog(words: list[str], name_of: Callable[[list[str]], str]) -> str | None:
    if not words or words[0] not in {"exec", "run"}:
        return None
    rest, named = words[1:], None
    while rest and rest[0].startswith("-") and rest[0] not in {"--", "-m"}:
        option, _, value = rest[0].partition("=")
        takes_next = option in _WITH_VALUE and not value
        given = rest[1] if takes_next and len(rest) > 1 else value
        named = given if option == "--script" else named
        rest = rest[2 if takes_next else 1 :]
    rest = [word for word in rest[:1] if word != "--"] + rest[1:]
    if named or not rest:
        return named
    if words[0] == "exec":
        return name_of(rest)
    return rest[1] if rest[0] == "-m" and len(rest) > 1 else Path(rest[0]).stem


def _is_understood(schedule: str) -> bool:
    try:
        checked({"schedule": schedule})
    except SettingError:
        return False
    return True
