"""What people see and do of alerts: incidents, who watches, acknowledge, close, mute, pause.

For the command line and the dashboard. Each function is one statement over the caller's connection
or address, and waits for the database.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runlog._database.faults import NO_TABLE, sqlstate
from runlog._database.reading import connect, translated
from runlog._settings import resolve
from runlog.alerts import _statements as statements
from runlog.alerts._look import WatcherRow
from runlog.alerts._plan import MuteRow
from runlog.alerts._standing import NOBODY_AFTER
from runlog.errors import SchemaError
from runlog.queries._parameters import beginning, bounds_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from runlog._database.driver import Connection
    from runlog._database.reading import Source

_MISSING = (
    'the alert tables are missing in schema {schema!r}; run "runlog migrate", or use '
    '"runlog check", which needs none'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One row of ``runlog_incidents``.

    Attributes:
        told_to: the channels that took the message of its begin.
        read_at: the database's clock when this was read.
    """

    id: UUID
    script_name: str
    rule: str
    subject: str
    severity: str
    began_at: datetime
    opened_at: datetime
    seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    is_flapping: bool
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    parent_id: UUID | None
    run_id: UUID | None
    details: dict[str, Any]
    told_to: list[str]
    read_at: datetime

    @property
    def says(self) -> str:
        """What is wrong, in a sentence."""
        from runlog.alerts._facts import Facts
        from runlog.alerts._wording import sentence

        return sentence(
            Facts(
                id=self.id,
                script_name=self.script_name,
                rule=self.rule,
                subject=self.subject,
                severity=self.severity,
                began_at=self.began_at,
                opened_at=self.opened_at,
                read_at=self.read_at,
                resolved_at=self.resolved_at,
                is_flapping=self.is_flapping,
                details=self.details,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """To whom an incident was told, and what became of the message."""

    kind: str
    number: int
    channel: str
    created_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    given_up_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One row of ``runlog_channels``."""

    name: str
    first_seen_at: datetime
    last_sent_at: datetime | None
    failing_since: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptDue:
    """When a script is due, as watchers found out.

    Attributes:
        is_late: it should have started, a minute ago or more.
        is_overdue: the grace is over as well: it is missed.
    """

    script_name: str
    schedule: str | None
    timezone: str
    next_due_at: datetime | None
    overdue_at: datetime | None
    paused_until: datetime | None
    retired_at: datetime | None
    is_late: bool
    is_overdue: bool


class Care:
    """The alerts of one schema over one connection.

    Raises:
        SchemaError: from every method: the tables are missing, or a right.
    """

    def __init__(self, connection: Connection[Any], schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def is_there(self) -> bool:
        """Tell whether the tables are here, and this role may read them."""
        return bool(statements.values(self._connection, self._schema, "is_there")[0])

    def open_incidents(self) -> list[Incident]:
        """Return what is open, the worst first."""
        return self._incidents()

    def history(self, since: datetime | timedelta, script: str | None = None) -> list[Incident]:
        """Return what was opened since, open ones first."""
        return self._incidents(**beginning(since), script=script)

    def find(self, prefix: str) -> list[Incident]:
        """Return the incidents whose ids begin like this."""
        return self._incidents(**bounds_of(prefix))

    def tellings(self, incident: UUID) -> list[Telling]:
        """Return to whom it was told."""
        return self._fetch("tellings", Telling, id=incident)

    def watchers(self) -> list[WatcherRow]:
        """Return who watches, the one that looked last first."""
        return self._fetch("watchers", WatcherRow)

    def channels(self) -> list[ChannelRow]:
        """Return the channels that watchers have had."""
        return self._fetch("channels", ChannelRow)

    def mutes(self) -> list[MuteRow]:
        """Return what is muted at this moment."""
        now = statements.values(self._connection, self._schema, "now")[0]
        return self._fetch("mutes", MuteRow, now=now)

    def dues(self) -> list[ScriptDue]:
        """Return when scripts are due, and which are overdue."""
        return self._fetch("late", ScriptDue)

    def is_expecting(self) -> bool:
        """Tell whether the newest runs of any script declare what is expected of it."""
        with explained(self._schema, self._connection):
            return any(statements.values(self._connection, self._schema, "is_expecting"))

    def acknowledge(self, incident: UUID, who: str) -> bool:
        """Say that somebody is at it; False if it is over."""
        return self._did("acknowledge", id=incident, who=who)

    def close(self, incident: UUID, who: str) -> bool:
        """Say that it is over; False if it is."""
        return self._did("close", id=incident, who=who)

    def mute(
        self,
        scripts: str,
        rule: str,
        until: datetime | timedelta | None,
        *,
        reason: str | None,
        who: str,
    ) -> None:
        """Tell nobody of these scripts until then; None: until it is taken back."""
        self._did("mute", scripts=scripts, rule=rule, reason=reason, who=who, **_end(until))

    def unmute(self, scripts: str, rule: str) -> bool:
        """Take mutes of exactly these back; False if there are none."""
        return self._did("unmute", scripts=scripts, rule=rule)

    def pause(self, script: str, until: datetime | timedelta | None, who: str) -> None:
        """Expect nothing of a script until then; None: until it is resumed."""
        self._did("pause", script=script, who=who, **_end(until))

    def resume(self, script: str, who: str) -> bool:
        """Expect it again, from now on; False if it was neither paused nor retired."""
        return self._did("resume", script=script, who=who)

    def retire(self, script: str, who: str) -> None:
        """Expect nothing for ever; what is open of it is over."""
        self._did("retire", script=script, who=who)

    def forget(self, watcher: str) -> bool:
        """Expect no look of this watcher any more; False if nobody knows it."""
        return self._did("forget", watcher=watcher)

    def _incidents(self, **given: Any) -> list[Incident]:
        empty = dict.fromkeys(("lowest", "highest", "since", "period", "script"))
        return self._fetch("incidents", Incident, **{**empty, **given})

    def _did(self, name: str, **parameters: Any) -> bool:
        with explained(self._schema, self._connection):
            return bool(statements.values(self._connection, self._schema, name, **parameters))

    def _fetch(self, name: str, row_type: type[Any], **parameters: Any) -> list[Any]:
        with explained(self._schema, self._connection):
            return statements.fetch(self._connection, self._schema, name, row_type, **parameters)


@contextmanager
def explained(schema: str, source: Source = None) -> Iterator[None]:
    """Turn what psycopg raises inside the block into an error that tells the remedy."""
    try:
        with translated(source, schema):
            yield
    except SchemaError as error:
        if sqlstate(error.__cause__) == NO_TABLE:
            raise SchemaError(_MISSING.format(schema=schema)) from error
        raise


def _end(until: datetime | timedelta | None) -> dict[str, Any]:
    if isinstance(until, timedelta):
        return {"until": None, "period": until}
    return {"until": until, "period": None}


@contextmanager
def care(source: Source = None, *, schema: str | None = None) -> Iterator[Care]:
    """Give access to the alerts of a database: an address, an open connection or a pool."""
    from runlog._database.driver import Connection

    schema = schema or resolve().schema
    if source is None or isinstance(source, str):
        with connect(source) as connection:
            yield Care(connection, schema)
    elif isinstance(source, Connection):
        yield Care(source, schema)
    else:
        with source.connection() as connection:
            yield Care(connection, schema)


def is_watched(watchers: list[WatcherRow]) -> bool:
    """Tell whether anybody has looked lately: within three of its own spans, or within an hour."""
    return any(
        row.evaluated_at is not None
        and row.read_at - row.evaluated_at < max(NOBODY_AFTER, 3 * (row.every or timedelta()))
        for row in watchers
    )
