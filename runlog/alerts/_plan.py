"""Who is to be told what: tellings and the messages that carry them, in the look's transaction.

The primary key of ``runlog_tellings`` is the promise that a channel is told each thing once. The
text is made when it is sent, so that it tells what is true then.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID, uuid4

from runlog._expectations import SEVERITIES
from runlog.alerts import _statements as statements

if TYPE_CHECKING:
    from datetime import datetime

    from runlog._database.driver import Connection
    from runlog.alerts._channels import Channel
    from runlog.alerts._config import Config, Mute, Route

_BRAKE: Final = 6
"""So many messages within 10 minutes; what comes more is one message when they are over."""
Kind = Literal["opened", "resolved", "reminder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Untold:
    id: UUID
    script_name: str
    rule: str
    subject: str
    severity: str
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brake:
    recent: int
    free_at: datetime | None
    held: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteRow:
    """A mute that holds at this moment, by hand."""

    id: UUID
    scripts: str
    rule: str
    from_at: datetime
    until_at: datetime | None
    reason: str | None
    muted_by: str | None


class Plan:
    """What is told in one look."""

    def __init__(
        self, connection: Connection[Any], schema: str, config: Config, now: datetime
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._config = config
        self._now = now
        mutes = statements.fetch(connection, schema, "mutes", MuteRow, now=now)
        self._mutes = [(mute.scripts, mute.rule) for mute in mutes]
        self._mutes += [(m.scripts, m.rule) for m in config.mutes if _is_within(m, now)]

    def tell(self, channel: Channel) -> int:
        """Plan what this channel has not been told; return how many incidents."""
        opened = self._fetch("untold", channel)
        ended = self._fetch("ended_untold", channel, with_expired=channel.is_manager)
        told = self._tell(channel, "opened", self._unmuted(self._routed(opened, channel)))
        told += self._tell(channel, "resolved", ended)
        if not channel.is_manager:
            if self._config.self_healed:
                healed = self._fetch("healed_untold", channel)
                told += self._tell(
                    channel, "resolved", self._unmuted(self._routed(healed, channel))
                )
            due = self._fetch("unreminded", channel, remind=self._config.remind)
            told += self._tell(channel, "reminder", self._unmuted(self._routed(due, channel)))
        return told

    def _fetch(self, name: str, channel: Channel, **parameters: Any) -> list[_Untold]:
        return statements.fetch(
            self._connection, self._schema, name, _Untold,
            channel=channel.name, now=self._now, **parameters,
        )  # fmt: skip

    def _routed(self, untold: list[_Untold], channel: Channel) -> list[_Untold]:
        return [
            each
            for each in untold
            # A channel that takes nothing cannot tell that.
            if not (each.rule == "undelivered" and each.subject == channel.name)
            and _is_route(self._config.routes, each, channel)
        ]

    def _unmuted(self, untold: list[_Untold]) -> list[_Untold]:
        return [
            each
            for each in untold
            if not any(
                fnmatchcase(each.script_name, scripts) and rule in {"*", each.rule}
                for scripts, rule in self._mutes
            )
        ]

    def _tell(self, channel: Channel, kind: Kind, untold: list[_Untold]) -> int:
        if not untold:
            return 0
        groups = [[each] for each in untold] if channel.is_manager else [untold]
        return sum(self._tell_group(channel, kind, group) for group in groups)

    def _tell_group(self, channel: Channel, kind: Kind, group: list[_Untold]) -> int:
        message, is_new = self._message(channel, kind)
        told = statements.values(
            self._connection, self._schema, "tell",
            ids=[each.id for each in group],
            numbers=[each.number for each in group],
            channel=channel.name, kind=kind, notification=message,
        )  # fmt: skip
        if is_new and not told:
            statements.execute(self._connection, self._schema, "drop_empty", id=message)
        return len(told)

    def _message(self, channel: Channel, kind: Kind) -> tuple[UUID, bool]:
        """Return the message to tell it in: one that the brake holds, or a new one."""
        due_at = self._now
        if not channel.is_manager:
            brake = statements.fetch(
                self._connection, self._schema, "brake", _Brake,
                channel=channel.name, kind=kind, now=self._now,
            )[0]  # fmt: skip
            if brake.held is not None:
                return brake.held, False
            if brake.recent >= _BRAKE and brake.free_at is not None:
                due_at = brake.free_at
        message = uuid4()
        statements.execute(
            self._connection, self._schema, "new_notification",
            id=message, channel=channel.name, kind=kind, now=self._now, due_at=due_at,
        )  # fmt: skip
        return message, True


def _is_route(routes: tuple[Route, ...], each: _Untold, channel: Channel) -> bool:
    """Tell whether the first route that fits names the channel; without routes each is told all."""
    for route in routes:
        is_severe = SEVERITIES.index(each.severity) >= SEVERITIES.index(route.severity)
        if is_severe and fnmatchcase(each.script_name, route.scripts):
            return channel.group in route.to
    return not routes


def _is_within(mute: Mute, now: datetime) -> bool:
    began = next(mute.schedule.upcoming(now - mute.duration), None)
    return began is not None and began <= now
