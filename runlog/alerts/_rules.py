"""The rules: which file of ``sql/alerts`` asks each, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runlog.alerts import _statements as statements
from runlog.alerts._declarations import EVERYTHING, GLOBAL_RULES, RULES
from runlog.alerts._verdicts import Verdict, missed, silence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from runlog._database.driver import Connection
    from runlog.alerts._declarations import Rule
    from runlog.alerts._standing import Standing

_STATELESS: Final = (
    "failed", "stale", "long_running", "long", "zero", "partial", "cost_run", "cost_day",
    "cost_month", "quiet", "skipped",
)  # fmt: skip
_WITH_STATE: Final = ("new_error", "asked")
_OF_NO_SCRIPT: Final = ("backlog", "unwatched", "undelivered")
STATELESS_RULES: Final = (*_STATELESS, "missed", "silence")
"""What the two documented tables are enough for."""
PAUSABLE: Final = ("missed", "stale")
"""What is not expected of a script that is paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    script_name: str
    subject: str
    holds: bool
    occasion: str
    began_at: datetime
    run_id: UUID | None
    details: dict[str, Any]
    severity: str | None = None
    expires_at: datetime | None = None


class Evaluation:
    """All rules, at one moment.

    Attributes:
        rules: those that are on and not paused.
        is_guest: somebody else knows what is expected, by a file that is not here.
    """

    def __init__(
        self,
        connection: Connection[Any],
        schema: str,
        standings: list[Standing],
        rules: list[Rule],
        now: datetime,
        *,
        is_guest: bool = False,
    ) -> None:
        self._is_guest = is_guest
        self._connection = connection
        self._schema = schema
        self._standings = standings
        paused = {each.script_name for each in standings if each.is_paused}
        self.rules = [
            rule for rule in rules if not (rule.name in PAUSABLE and rule.script_name in paused)
        ]
        self._now = now

    def stateless(self) -> list[Verdict]:
        """Return the verdicts that the two documented tables are enough for."""
        asked = (
            each for name in _STATELESS for each in self._ask(name, name.removesuffix("_running"))
        )
        verdicts = [*asked, *missed(self._standings, self._of("missed"), self._now)]
        return list(_one_each([*verdicts, *silence(self._standings, self._now)]))

    def with_state(self, watcher: str) -> list[Verdict]:
        """Return the verdicts that need what watchers keep."""
        asked = (each for name in _WITH_STATE for each in self._ask(name, name))
        general = (
            each for name in _OF_NO_SCRIPT for each in self._ask_generally(name, watcher=watcher)
        )
        return [*asked, *general]

    def parameter(self, name: str) -> str:
        """Return the rules of a name as a statement takes them."""
        return statements.as_json(
            {
                "script_name": rule.script_name,
                "threshold": rule.threshold,
                "after": rule.after,
                "timezone": rule.timezone,
            }
            for rule in self._of(name)
        )

    def _of(self, name: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.name == name]

    def _ask(self, statement: str, name: str) -> Iterator[Verdict]:
        rules = {rule.script_name: rule for rule in self._of(name)}
        if not rules:
            return
        answers = statements.fetch(
            self._connection, self._schema, statement, _Answer,
            rules=self.parameter(name), now=self._now,
        )  # fmt: skip
        for answer in answers:
            yield _verdict(answer, name, rules[answer.script_name].severity)

    def _ask_generally(self, name: str, **parameters: Any) -> Iterator[Verdict]:
        given = parameters if name == "unwatched" else {}
        answers = statements.fetch(
            self._connection, self._schema, name, _Answer, now=self._now, **given
        )
        severity = "warning" if name == "backlog" else "error"
        for answer in answers:
            yield _verdict(answer, name, severity)

    def expected(self) -> list[dict[str, Any]]:
        """Return which rule of which script is on, for the ends of incidents."""
        rules: list[tuple[str, str]] = [(rule.script_name, rule.name) for rule in self.rules]
        if self._is_guest:
            names = {EVERYTHING, *(each.script_name for each in self._standings)}
            rules = [(name, rule) for name in names for rule in RULES]
        paused = [each.script_name for each in self._standings if each.is_paused]
        return [
            *({"script_name": name, "rule": rule, "is_paused": False} for name, rule in rules),
            *(
                {"script_name": name, "rule": rule, "is_paused": True}
                for name in paused
                for rule in PAUSABLE
            ),
            *({"script_name": "*", "rule": n, "is_paused": False} for n in GLOBAL_RULES),
        ]


def _verdict(answer: _Answer, name: str, severity: str) -> Verdict:
    return Verdict(
        script_name=answer.script_name,
        rule=name,
        subject=answer.subject,
        holds=answer.holds,
        occasion=answer.occasion,
        severity=answer.severity or severity,
        began_at=answer.began_at,
        run_id=answer.run_id,
        details=answer.details,
        expires_at=answer.expires_at,
    )


def _one_each(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """Leave one verdict a script, rule and subject: the first that is bad, else the first."""
    chosen: dict[tuple[str, str, str], Verdict] = {}
    for verdict in verdicts:
        key = (verdict.script_name, verdict.rule, verdict.subject)
        if key not in chosen or (verdict.holds and not chosen[key].holds):
            chosen[key] = verdict
    yield from chosen.values()
