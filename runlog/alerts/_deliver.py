"""Delivery: at least once, each message under one key, whoever dies meanwhile.

A lease and not a held lock: a pooler's connection would be held while a receiver thinks. The text
is made here, outside of any transaction, and so is the sending.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from runlog.alerts import _statements as statements
from runlog.alerts._facts import Facts
from runlog.alerts._sender import End, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from runlog._database.driver import Connection
    from runlog.alerts._channels import Channel
    from runlog.alerts._message import Writer

LEASE: Final = timedelta(seconds=60)
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_GIVE_UP_AFTER: Final = timedelta(hours=24)
_UNKNOWN_ENDS: Final = 3
"""A message that kills who sends it must not go out for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    id: UUID
    channel: str
    kind: str
    created_at: datetime
    attempts: int
    unknown_ends: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that did not go."""

    channel: str
    said: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one delivery did."""

    sent: int = 0
    failures: tuple[Failure, ...] = ()


class Delivery:
    """Sends what is due to the channels that this watcher has."""

    def __init__(
        self,
        connection: Connection[Any],
        schema: str,
        watcher: str,
        channels: Iterable[Channel],
        writer: Writer,
        *,
        lease: timedelta = LEASE,
        checkpoint: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._watcher = watcher
        self._channels = {channel.name: channel for channel in channels}
        self._writer = writer
        self._lease = lease
        self._checkpoint = checkpoint
        self._began = time.monotonic()

    def at(self) -> datetime:
        """Return the moment by the database's clock, as the look knew it."""
        return self._writer.now + timedelta(seconds=time.monotonic() - self._began)

    def run(self, seconds: float, is_ended: Callable[[], bool] = lambda: False) -> Delivered:
        """Send until nothing is due or the time is over."""
        until = time.monotonic() + seconds
        sent, failures = 0, []
        while time.monotonic() < until and not is_ended():
            claimed = self._claim() if self._channels else None
            if claimed is None:
                break
            self._checkpoint("claimed")
            failure = self._attempt(claimed)
            sent += failure is None
            failures += [failure] if failure else []
        return Delivered(sent, tuple(failures))

    def _claim(self) -> _Claimed | None:
        found = statements.fetch(
            self._connection, self._schema, "claim", _Claimed,
            watcher=self._watcher, lease=self._lease, channels=list(self._channels),
            at=self.at(),
        )  # fmt: skip
        return found[0] if found else None

    def _attempt(self, claimed: _Claimed) -> Failure | None:
        channel = self._channels[claimed.channel]
        most = 1 if channel.at_most_once else _UNKNOWN_ENDS
        if claimed.unknown_ends >= most:
            said = f"given up after {claimed.unknown_ends} attempts whose end nobody knows"
            return self._fail(claimed, Outcome(End.REFUSED, said))
        facts = self._facts(claimed)
        if not facts:
            # Deleted meanwhile: nothing is left to tell.
            return self._fail(claimed, Outcome(End.REFUSED, "its incidents are gone"))
        message = self._writer.message(
            claimed.id,
            claimed.kind,
            facts,
            attempt=claimed.attempts,
            is_repeated=claimed.unknown_ends > 0,
        )
        self._checkpoint("before send")
        if not self._is_still_ours(claimed):
            return None
        outcome = channel.send(message)
        self._checkpoint("after send")
        if outcome.end is not End.SENT:
            return self._fail(claimed, outcome)
        ended = [
            each.id
            for each in facts
            if each.resolved_at and claimed.kind == "opened" and not channel.is_manager
        ]
        statements.execute(
            self._connection, self._schema, "mark_sent",
            id=claimed.id, watcher=self._watcher, ended=ended, at=self.at(),
        )  # fmt: skip
        self._checkpoint("marked")
        return None

    def _is_still_ours(self, claimed: _Claimed) -> bool:
        """Note that it is being sent; False if the lease was over and another has taken it."""
        return bool(
            statements.values(
                self._connection, self._schema, "sending",
                id=claimed.id, watcher=self._watcher, at=self.at(),
            )
        )  # fmt: skip

    def _facts(self, claimed: _Claimed) -> list[Facts]:
        ids = statements.values(
            self._connection, self._schema, "told_by", id=claimed.id, kind=claimed.kind
        )
        facts = statements.fetch(
            self._connection, self._schema, "facts", Facts, ids=ids, now=self.at()
        )
        channel = self._channels[claimed.channel]
        if claimed.kind == "opened" and channel.is_manager:
            # It learns of the end by a message of its own.
            return [replace(each, resolved_at=None, resolution=None) for each in facts]
        if claimed.kind == "reminder":
            return [each for each in facts if each.resolved_at is None] or facts
        return facts

    def _fail(self, claimed: _Claimed, outcome: Outcome) -> Failure:
        pause = _pause(claimed.attempts)
        is_old = self.at() - claimed.created_at > _GIVE_UP_AFTER
        is_final = outcome.end is End.REFUSED or is_old
        said = self._writer.redact(outcome.said)
        statements.execute(
            self._connection, self._schema, "mark_unsent",
            id=claimed.id, watcher=self._watcher, pause=pause, is_given_up=is_final,
            is_known=outcome.end is not End.UNKNOWN, error=said, at=self.at(),
        )  # fmt: skip
        return Failure(claimed.channel, said, is_final)


def _pause(attempts: int) -> timedelta:
    """Return 30 s, doubled for each attempt, an hour at most; a fifth of it at random."""
    import random

    pause: timedelta = min(_LONGEST_PAUSE, _FIRST_PAUSE * int(2 ** min(attempts - 1, 12)))
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret hangs on it
