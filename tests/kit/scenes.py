"""A database with a clock of its own, a watcher with channels that remember, and rows to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kit.rows import add_entry, add_run

from runlog.alerts._channels import Channel
from runlog.alerts._config import Config
from runlog.alerts._look import Watcher, look
from runlog.alerts._sender import End, Outcome

if TYPE_CHECKING:
    import psycopg

T = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
"""The documents' t: 02:00 UTC on a day without a change of clocks."""


def at(text: str, day: int = 10) -> datetime:
    """A moment of that day in March 2026, such as ``at("02:05")``."""
    hour, minute = map(int, text.split(":"))
    return T.replace(day=1, hour=hour, minute=minute) + timedelta(days=day - 1)


@dataclass
class Receiver:
    """A channel that remembers what it took.

    Attributes:
        outcomes: what it says, one after the other; the last one from then on.
    """

    outcomes: list[Outcome] = field(default_factory=lambda: [Outcome(End.SENT)])
    messages: list = field(default_factory=list)
    attempts: list = field(default_factory=list)

    def send(self, message):
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        self.attempts.append(message)
        if outcome.end is End.SENT:
            self.messages.append(message)
        return outcome

    def take(self):
        """Return the titles of what was told since the last time."""
        titles = [message.title for message in self.messages]
        self.messages.clear()
        return titles


@dataclass
class Scene:
    """What happened, and who looks."""

    connection: psycopg.Connection
    receiver: Receiver = field(default_factory=Receiver)
    config: Config = field(default_factory=Config)

    def watcher(self, name="watcher", **others):
        channels = others.pop("channels", (Channel("chat", "default", self.receiver),))
        return Watcher(name, config=self.config, channels=channels, **others)

    def look(self, now, watcher=None, **options):
        return look(self.connection, "public", watcher or self.watcher(), now=now, **options)

    def run(self, started_at, script="sync", status="success", seconds=10, **columns):
        if status != "running":
            columns.setdefault("finished_at", started_at + timedelta(seconds=seconds))
            columns.setdefault("duration_ms", int(seconds * 1000))
        if status == "error":
            columns.setdefault("error_message", "ValueError: no")
        return add_run(self.connection, script, started_at=started_at, status=status, **columns)

    def alive(self, started_at, beat_at, script="sync", **columns):
        """A run that is going on, last heard of at ``beat_at``."""
        about = {"heartbeat_at": beat_at.isoformat(), "heartbeat_interval": 30}
        about |= columns.pop("runlog", {})
        return self.run(started_at, script, "running", runlog=about, **columns)

    def entry(self, run_id, timestamp, message="no", **columns):
        return add_entry(self.connection, run_id, message, timestamp=timestamp, **columns)

    def expect(self, script="sync", **expects):
        """Let the file say what is expected of a script."""
        scripts = {**self.config.scripts, script: {"timezone": "UTC", **expects}}
        self.config = Config(scripts=scripts, mutes=self.config.mutes, routes=self.config.routes)

    def incidents(self, rule=None):
        """Return (rule, how it stands) of all incidents, the oldest first."""
        rows = self.connection.execute(
            "select rule, coalesce(resolution, 'open') from runlog_incidents"
            " where %(rule)s::text is null or rule = %(rule)s order by opened_at, began_at, rule",
            {"rule": rule},
        )
        return rows.fetchall()

    def details(self, rule):
        """Return the newest incident of a rule: occasion, began_at, details."""
        return self.connection.execute(
            "select occasion, began_at, details, subject, severity from runlog_incidents"
            " where rule = %s order by opened_at desc limit 1",
            (rule,),
        ).fetchone()
