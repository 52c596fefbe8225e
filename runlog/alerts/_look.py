"""One look: what is expected, what is bad, who is told. Any number may look, anywhere, at once.

One transaction decides and plans; what is sent is sent after it. A look that fails rolls back
whole, and the next one does the same work. Needs no session state, so poolers may be in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from runlog._database import driver
from runlog._process.distribution import version
from runlog.alerts import _incidents as incidents
from runlog.alerts import _statements as statements
from runlog.alerts._config import Config
from runlog.alerts._declarations import EVERYTHING, Expectation, expectation_of, expectation_of_all
from runlog.alerts._deliver import LEASE, Delivered, Delivery
from runlog.alerts._message import Writer
from runlog.alerts._plan import Plan
from runlog.alerts._rules import Evaluation
from runlog.alerts._standing import (
    NOBODY_AFTER,
    Blindness,
    Company,
    Expected,
    Standing,
    fetch_newest,
    list_faults,
    list_standings,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runlog._database.driver import Connection
    from runlog.alerts._channels import Channel
    from runlog.alerts._incidents import Change

_STATEMENT_MS: Final = "10000"
_DELIVERY_SECONDS: Final = 45.0


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who looks, and whom it can tell.

    Attributes:
        name: what the others know it by.
        every: how often it means to look; None: nobody expects it.
        redact: hides secrets in what is told.
    """

    name: str
    config: Config = field(default_factory=Config)
    channels: tuple[Channel, ...] = ()
    every: timedelta | None = None
    redact: Callable[[str], str] = str
    lease: timedelta = LEASE
    checkpoint: Callable[[str], object] = lambda _: None


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found and did.

    Attributes:
        has_looked: False when another watcher was looking; then only what was due was sent.
        told: how many tellings were planned.
        faults: declarations that nobody understands.
    """

    has_looked: bool = False
    opened: tuple[Change, ...] = ()
    resolved: tuple[Change, ...] = ()
    told: int = 0
    delivered: Delivered = field(default_factory=Delivered)
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherRow:
    """One row of ``runlog_watchers``, and the database's clock."""

    name: str
    every: timedelta | None
    version: str | None
    config_hash: str | None
    first_at: datetime
    evaluated_at: datetime | None
    delivered_at: datetime | None
    blind_from: datetime | None
    blind_until: datetime | None
    error: str | None
    read_at: datetime


def look(
    connection: Connection[Any],
    schema: str,
    watcher: Watcher,
    *,
    now: datetime | None = None,
    blind_since: datetime | None = None,
    is_dry: bool = False,
    send: bool = True,
    is_ended: Callable[[], bool] = lambda: False,
) -> Look:
    """Look once over an autocommit connection; return what was found and done.

    Args:
        connection: to the database; no more than read committed.
        schema: where the tables are.
        watcher: who looks.
        now: the moment of the look; default: the database's clock.
        blind_since: since when this watcher could not reach the database before.
        is_dry: only tell what would be opened and told; everything is rolled back.
        send: deliver what is due.
        is_ended: asked between two messages; True: leave the rest to the next.

    Raises:
        psycopg.Error: the database refuses, or is gone.
    """
    done, writer = Look(), None
    with connection.transaction():
        evaluating = _Looking(connection, schema, watcher, now, blind_since)
        if evaluating.is_first_here():
            done, writer = evaluating.look()
        if is_dry:
            raise driver.Rollback
    if is_dry or not send:
        return done
    writer = writer or evaluating.writer(evaluating.standings())
    return _delivered(connection, schema, watcher, writer, done, is_ended)


def _delivered(
    connection: Connection[Any],
    schema: str,
    watcher: Watcher,
    writer: Writer,
    done: Look,
    is_ended: Callable[[], bool],
) -> Look:
    from dataclasses import replace

    delivery = Delivery(
        connection, schema, watcher.name, watcher.channels, writer,
        lease=watcher.lease, checkpoint=watcher.checkpoint,
    )  # fmt: skip
    delivered = delivery.run(_DELIVERY_SECONDS, is_ended)
    error = "; ".join(f"{it.channel}: {it.said}" for it in delivered.failures) or None
    statements.execute(
        connection, schema, "delivered", watcher=watcher.name, error=error, at=delivery.at()
    )
    return replace(done, delivered=delivered)


class _Looking:
    """The transaction of a look."""

    def __init__(
        self,
        connection: Connection[Any],
        schema: str,
        watcher: Watcher,
        now: datetime | None,
        blind_since: datetime | None,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._watcher = watcher
        self._blind_since = blind_since
        self._is_guest = False
        self._set_limit()
        self.now = now or statements.values(connection, schema, "now")[0]

    def _set_limit(self) -> None:
        """Let no statement take longer than its time; for this transaction only."""
        statements.execute(self._connection, self._schema, "limit", milliseconds=_STATEMENT_MS)

    def is_first_here(self) -> bool:
        """Tell whether nobody else is looking at this moment."""
        return bool(statements.values(self._connection, self._schema, "lock")[0])

    def look(self) -> tuple[Look, Writer]:
        """Evaluate and plan."""
        self._keep_blindness()
        watchers = self._fetch("watchers", WatcherRow)
        first_look_at = min((row.first_at for row in watchers if row.evaluated_at), default=None)
        standings = self.standings(watchers)
        self._keep(standings)
        evaluation = self._evaluation(standings)
        self._execute("keep_error_kinds", is_first_look=first_look_at is None)
        self._execute("keep_channels", channels=self._names())
        verdicts = evaluation.stateless() + evaluation.with_state(self._watcher.name)
        opened, resolved = incidents.apply(self._connection, self._schema, verdicts, self.now)
        resolved += incidents.end_unexpected(self._connection, self._schema, evaluation, self.now)
        if first_look_at is not None:
            incidents.note_healed(
                self._connection, self._schema, evaluation, self.now, first_look_at
            )
        self._watcher.checkpoint("evaluated")
        plan = Plan(self._connection, self._schema, self._watcher.config, self.now)
        told = sum(plan.tell(channel) for channel in self._watcher.channels)
        self._sign_of_life()
        self._watcher.checkpoint("planned")
        faults = list_faults(self._connection, self._schema, standings, self.now)
        return Look(True, tuple(opened), tuple(resolved), told, faults=faults), self.writer(
            standings
        )

    def standings(self, watchers: list[WatcherRow] | None = None) -> list[Standing]:
        """Return how each script stands."""
        watchers = self._fetch("watchers", WatcherRow) if watchers is None else watchers
        blind = [
            Blindness(row.blind_from, row.blind_until)
            for row in watchers
            if row.blind_from and row.blind_until
        ]
        newest = fetch_newest(self._connection, self._schema, self.now)
        known = self._fetch("expected", Expected)
        config, company = self._watcher.config, self._company(watchers)
        return list_standings(newest, known, config, self.now, blind, company)

    def _company(self, watchers: list[WatcherRow]) -> Company:
        """Return whether others have looked lately, and know more than this one."""
        others = [
            row
            for row in watchers
            if row.name != self._watcher.name
            and row.evaluated_at is not None
            and self.now - row.evaluated_at < max(NOBODY_AFTER, 3 * (row.every or timedelta()))
        ]
        has_file = bool(self._watcher.config.digest)
        is_guest = not has_file and any(row.config_hash for row in others)
        self._is_guest = is_guest
        return Company(bool(others), is_guest)

    def writer(self, standings: list[Standing]) -> Writer:
        """Return who writes the messages."""
        expectations: dict[str, Expectation] = {
            EVERYTHING: expectation_of(EVERYTHING, None, self._watcher.config),
            **{each.script_name: each.expectation for each in standings},
        }
        return Writer(
            expectations, self._watcher.config.dashboard_url, self._watcher.redact, self.now
        )

    def _evaluation(self, standings: list[Standing]) -> Evaluation:
        rules = [rule for each in standings for rule in each.expectation.rules()]
        rules += expectation_of_all(self._watcher.config)
        return Evaluation(
            self._connection, self._schema, standings, rules, self.now, is_guest=self._is_guest
        )

    def _keep_blindness(self) -> None:
        if self._blind_since is not None:
            self._execute("was_blind", watcher=self._watcher.name, blind_from=self._blind_since)

    def _keep(self, standings: list[Standing]) -> None:
        changed = [each.kept() for each in standings if each.is_new]
        if changed:
            self._execute("keep_expected", scripts=statements.as_json(changed))

    def _sign_of_life(self) -> None:
        self._execute("tidy", channels=self._names())
        self._execute(
            "sign_of_life",
            watcher=self._watcher.name,
            every=self._watcher.every,
            version=version(),
            config_hash=self._watcher.config.digest,
        )

    def _names(self) -> list[str]:
        return [channel.name for channel in self._watcher.channels]

    def _fetch(self, name: str, row_type: type[Any]) -> list[Any]:
        return statements.fetch(self._connection, self._schema, name, row_type)

    def _execute(self, name: str, **parameters: Any) -> None:
        statements.execute(self._connection, self._schema, name, now=self.now, **parameters)
