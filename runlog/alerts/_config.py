"""``runlog.toml``: what is expected of scripts, who is told, what is muted. No secret stands in it.

Read by watchers and the command line, never by a script that records. Errors name the line.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlog._expectations import SEVERITIES, checked, seconds_of
from runlog.alerts._schedule import Schedule
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

URLS_VARIABLE: Final = "RUNLOG_ALERT_URLS"
_ALERTS_KEYS: Final = (
    "timezone", "dashboard_url", "remind", "self_healed", "channels", "routes", "mutes",
)  # fmt: skip
_SECRET_FREE: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """Where the addresses of a channel stand, and whether it may be told twice."""

    name: str
    variable: str
    at_most_once: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """Who is told of which scripts; the first that fits counts."""

    scripts: str
    severity: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mute:
    """A window that comes again, in which nobody is told."""

    scripts: str
    rule: str
    schedule: Schedule
    duration: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Config:
    """The file, checked; without a file, the defaults.

    Attributes:
        scripts: name or pattern → what is expected, as the file says it.
        timezone: of scripts that name none.
        digest: differs when the file says something else.
    """

    path: Path | None = None
    scripts: dict[str, dict[str, Any]] = field(default_factory=dict)
    channels: tuple[ChannelSource, ...] = (ChannelSource("default", URLS_VARIABLE),)
    routes: tuple[Route, ...] = ()
    mutes: tuple[Mute, ...] = ()
    timezone: str | None = None
    dashboard_url: str | None = None
    remind: timedelta = timedelta(days=1)
    self_healed: bool = False
    digest: str = ""


def find_config(given: str | None, environ: Mapping[str, str]) -> Config:
    """Return the first file there is: the one given, RUNLOG_CONFIG, here, or the user's.

    Raises:
        SettingError: the file is missing or says something that cannot be.
    """
    named = given or environ.get("RUNLOG_CONFIG")
    if named:
        return _read(Path(named))
    base = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    for path in (Path("runlog.toml"), Path("pyproject.toml"), Path(base) / "runlog/runlog.toml"):
        if path.is_file() and (path.name != "pyproject.toml" or "[tool.runlog" in path.read_text()):
            return _read(path)
    return _with_environment(Config(), environ)


def _read(path: Path) -> Config:
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise SettingError(
            f"{path}: {said}; mend the file, or name another", name="config"
        ) from None
    if path.name == "pyproject.toml":
        document = document.get("tool", {}).get("runlog", {})
    return _with_environment(_Reader(path, text).config(document), os.environ)


def _with_environment(config: Config, environ: Mapping[str, str]) -> Config:
    url = environ.get("RUNLOG_BASE_URL") or config.dashboard_url
    return replace(config, dashboard_url=url.rstrip("/") if url else None)


class _Reader:
    """Turns the document into a Config; knows the text to name lines."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text

    def config(self, document: Mapping[str, Any]) -> Config:
        """Return the document, checked."""
        self._only(document, ("alerts", "scripts"), "")
        alerts = self._table(document.get("alerts", {}), "alerts")
        self._only(alerts, _ALERTS_KEYS, "alerts")
        channels = self._channels(alerts.get("channels"))
        values: dict[str, Any] = {}
        if "timezone" in alerts:
            place = self._place("alerts", "timezone")
            values["timezone"] = checked({"timezone": alerts["timezone"]}, place=place)["timezone"]
        if "remind" in alerts:
            values["remind"] = self._span(alerts["remind"], "alerts", "remind")
        return Config(
            path=self._path,
            scripts=self._scripts(self._table(document.get("scripts", {}), "scripts")),
            channels=channels,
            routes=tuple(
                self._route(each, nth, channels)
                for nth, each in enumerate(self._tables(alerts, "routes"))
            ),
            mutes=tuple(
                self._mute(each, nth) for nth, each in enumerate(self._tables(alerts, "mutes"))
            ),
            dashboard_url=self._text_of(alerts, "dashboard_url"),
            self_healed=bool(alerts.get("self_healed", False)),
            digest=hashlib.sha256(self._text.encode()).hexdigest()[:12],
            **values,
        )

    def _scripts(self, tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, table in tables.items():
            header = f"scripts.{name}"
            for key, value in self._table(table, header).items():
                place = self._place(header, key)
                if key == "schedule" and set("*?") & set(name):
                    raise SettingError(
                        f"{place}: a schedule is one script's, not a pattern's; name the script",
                        name=key,
                    )
                single = checked({key: value}, place=place)
                found.setdefault(name, {})[key] = single[key]
        return found

    def _channels(self, tables: Any) -> tuple[ChannelSource, ...]:
        if tables is None:
            return Config().channels
        return tuple(
            self._channel(name, value)
            for name, value in self._table(tables, "alerts.channels").items()
        )

    def _channel(self, name: str, value: Any) -> ChannelSource:
        table = value if isinstance(value, dict) else {"url": value}
        place = self._place("alerts.channels", name)
        self._only(table, ("url", "delivery"), f"alerts.channels.{name}")
        url = str(table.get("url", ""))
        if not _SECRET_FREE.fullmatch(url):
            example = f"env:{re.sub(r'[^A-Z0-9]', '_', name.upper())}_URL"
            raise SettingError(
                f"{place} holds a URL; a URL is a secret: put it into a variable and write "
                f'"{example}"',
                name=name,
            )
        delivery = table.get("delivery", "at-least-once")
        if delivery not in ("at-least-once", "at-most-once"):
            raise SettingError(
                f"{place}: delivery={delivery!r} is unknown; use at-least-once or at-most-once",
                name=name,
            )
        return ChannelSource(name, url.removeprefix("env:"), delivery == "at-most-once")

    def _route(self, table: Any, nth: int, channels: tuple[ChannelSource, ...]) -> Route:
        name = "alerts.routes"
        place = self._place(name, "to", nth)
        self._only(self._table(table, name), ("scripts", "severity", "to"), name, nth)
        known = [channel.name for channel in channels]
        given = table.get("to", [])
        to = tuple(given if isinstance(given, list) else [given])
        for channel in to:
            if channel not in known:
                raise SettingError(
                    f"{place}: route to {channel!r}: no such channel; known are {', '.join(known)}",
                    name="routes",
                )
        severity = table.get("severity", "warning")
        if severity not in SEVERITIES:
            raise SettingError(
                f"{place}: severity={severity!r} is unknown; use one of {', '.join(SEVERITIES)}",
                name="routes",
            )
        return Route(str(table.get("scripts", "*")), severity, to)

    def _mute(self, table: Any, nth: int) -> Mute:
        keys = ("scripts", "rule", "schedule", "duration", "timezone", "reason")
        self._only(self._table(table, "alerts.mutes"), keys, "alerts.mutes", nth)
        place = self._place("alerts.mutes", "schedule", nth)
        if not {"schedule", "duration"} <= set(table):
            raise SettingError(
                f"{place}: a mute that comes again needs schedule and duration; for once there is "
                '"runlog alerts mute"',
                name="mutes",
            )
        kept = {name: table[name] for name in ("schedule", "timezone") if name in table}
        declared = checked(kept, place=place)
        return Mute(
            scripts=str(table.get("scripts", "*")),
            rule=str(table.get("rule", "*")),
            schedule=Schedule(declared["schedule"], declared.get("timezone", "UTC")),
            duration=self._span(table["duration"], "alerts.mutes", "duration", nth),
            reason=str(table.get("reason", "")),
        )

    def _span(self, value: Any, table: str, key: str, nth: int = 0) -> timedelta:
        try:
            return timedelta(seconds=seconds_of(str(value)))
        except ValueError as error:
            place = self._place(table, key, nth)
            raise SettingError(f"{place}: {key}={value!r} {error}", name=key) from None

    def _table(self, value: Any, name: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise SettingError(f"{self._place(name, '')}: {value!r} is no table", name=name)
        return value

    def _text_of(self, alerts: Mapping[str, Any], key: str) -> str | None:
        value = alerts.get(key)
        if value is None or isinstance(value, str):
            return value
        raise SettingError(f"{self._place('alerts', key)}: {key}={value!r} is no text", name=key)

    def _tables(self, alerts: Mapping[str, Any], key: str) -> list[Any]:
        found = alerts.get(key, [])
        if not isinstance(found, list):
            place = self._place("alerts", key)
            raise SettingError(f"{place}: {key} is no list; write [[alerts.{key}]]", name=key)
        return found

    def _only(
        self, table: Mapping[str, Any], known: tuple[str, ...], name: str, nth: int = 0
    ) -> None:
        for key in table:
            if key not in known:
                place = self._place(name, key, nth)
                raise SettingError(
                    f"{place}: unknown key {key!r}; known are {', '.join(known)}", name=key
                )

    def _place(self, table: str, key: str, nth: int = 0) -> str:
        """Return the file, the line where the key stands, and its table: the nth of this name."""
        bare = table.removeprefix("scripts.")
        shown = f'scripts."{bare}"' if table.startswith("scripts.") else table
        line = self._line(table, key, nth)
        where = f":{line}" if line else ""
        return f"{self._path.name}{where}: [{shown}]" if table else f"{self._path.name}{where}"

    def _line(self, table: str, key: str, nth: int = 0) -> int:
        """Return the number of the line where a key stands, else its table; 0 if nothing tells."""
        begun, inside, seen, full = 0, not table, -1, f"{table}.{key}" if table else key
        for number, line in enumerate(self._text.splitlines(), 1):
            stripped = line.strip()
            if stripped.startswith("["):
                name = stripped.split("#")[0].strip(" []").replace('"', "").replace("'", "")
                name = name.removeprefix("tool.runlog.")
                seen += name == table
                inside = name == table and seen == nth
                begun = number if inside else begun
                if key and f"{name}.".startswith(f"{full}."):
                    return number
            elif inside and re.match(rf"[\"']?{re.escape(key)}[\"']?\s*=", stripped):
                return number
        if begun or not table:
            return begun
        # It is written in the table around it, in braces.
        around, _, name = table.rpartition(".")
        return self._line(around, name)
