"""Which rules hold for a script, where each value came from, and what each says right now."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from runlog.alerts import _statements as statements
from runlog.alerts._declarations import expectation_of_all
from runlog.alerts._rules import STATELESS_RULES, Evaluation
from runlog.alerts._standing import fetch_newest, list_standings

if TYPE_CHECKING:
    from datetime import datetime

    from runlog._database.driver import Connection
    from runlog.alerts._config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """A rule of a script.

    Attributes:
        threshold: seconds, a share, an amount or a number, as the rule says; None: by history.
        origin: which declaration it comes from: ``default``, ``code`` or the file's table.
        state: ``bad``, ``good`` or ``unknown``; ``by watchers`` where only they can tell.
        details: why.
    """

    script_name: str
    rule: str
    severity: str
    threshold: float | None
    after: int
    origin: str
    state: str
    details: dict[str, Any]


_KEYS = {
    "stale": "fresh", "missed": "schedule", "cost_run": "max_cost", "cost_day": "budget_day",
    "cost_month": "budget_month",
}  # fmt: skip


def explain(
    connection: Connection[Any],
    schema: str,
    config: Config,
    script: str | None = None,
    *,
    now: datetime | None = None,
) -> list[RuleState]:
    """Return every rule of the scripts that fit, and how it stands; needs no alert table."""
    with connection.transaction():
        statements.execute(connection, schema, "read_only")
        now = now or statements.values(connection, schema, "now")[0]
        newest = fetch_newest(connection, schema, now)
        standings = [
            each
            for each in list_standings(newest, None, config, now)
            if script is None or fnmatchcase(each.script_name, script)
        ]
        rules = [rule for each in standings for rule in each.expectation.rules()]
        rules += expectation_of_all(config) if script is None else []
        verdicts = Evaluation(connection, schema, standings, rules, now).stateless()
    found = {(each.script_name, each.rule): each for each in verdicts}
    origins = {each.script_name: each.expectation.origins for each in standings}
    states = []
    for rule in rules:
        verdict = found.get((rule.script_name, rule.name))
        known = origins.get(rule.script_name, {})
        key = _KEYS.get(rule.name, rule.name)
        origin = known.get(rule.name) or known.get(key, "default")
        judged = "unknown" if rule.name in STATELESS_RULES else "by watchers"
        states.append(
            RuleState(
                script_name=rule.script_name,
                rule=rule.name,
                severity=rule.severity,
                threshold=rule.threshold,
                after=rule.after,
                origin=origin,
                state=judged if verdict is None else "bad" if verdict.holds else "good",
                details=verdict.details if verdict else {},
            )
        )
    return states
