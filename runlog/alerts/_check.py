"""``runlog check``: the rules once more, without any memory, on the two documented tables alone.

Read-only; needs none of the alert tables and no watcher. What has begun to be bad is told each time
it is asked: for monitors, which remember themselves, and for people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from runlog.alerts import _statements as statements
from runlog.alerts._declarations import expectation_of_all
from runlog.alerts._facts import Facts
from runlog.alerts._rules import Evaluation
from runlog.alerts._standing import fetch_newest, list_faults, list_standings
from runlog.alerts._verdicts import Verdict
from runlog.alerts._wording import error_line, sentence

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from runlog._database.driver import Connection
    from runlog.alerts._config import Config
    from runlog.alerts._standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """What is bad now."""

    script_name: str
    rule: str
    subject: str
    severity: str
    began_at: datetime
    says: str
    error: str | None
    run_id: Any


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer.

    Attributes:
        scripts: how many were judged.
        bad: the worst first, the older first.
        faults: declarations that nobody understands.
    """

    scripts: int
    bad: tuple[Bad, ...]
    faults: tuple[str, ...]


def check(
    connection: Connection[Any],
    schema: str,
    config: Config,
    *,
    script: str | None = None,
    max_age: timedelta | None = None,
    now: datetime | None = None,
) -> Checked:
    """Return what is bad at this moment.

    Args:
        connection: to the database; nothing is written.
        schema: where the tables are.
        config: the file.
        script: only this one; a pattern will do.
        max_age: how old the last success of ``script`` may be.
        now: the moment; default: the database's clock.
    """
    if script is not None and max_age is not None:
        fresh = {**config.scripts.get(script, {}), "fresh": f"{max_age.total_seconds():g}s"}
        config = replace(config, scripts={**config.scripts, script: fresh})
    with connection.transaction():
        statements.execute(connection, schema, "read_only")
        statements.execute(connection, schema, "limit", milliseconds="30000")
        now = now or statements.values(connection, schema, "now")[0]
        standings = [
            each
            for each in list_standings(fetch_newest(connection, schema, now), None, config, now)
            if script is None or fnmatchcase(each.script_name, script)
        ]
        rules = [rule for each in standings for rule in each.expectation.rules()]
        rules += expectation_of_all(config) if script is None else []
        verdicts = Evaluation(connection, schema, standings, rules, now).stateless()
        faults = list_faults(connection, schema, standings, now, script)
    verdicts += _never_succeeded(standings, verdicts, script, max_age, now)
    bad = [_bad(each, now) for each in verdicts if each.holds]
    bad.sort(key=lambda each: (each.severity != "error", each.began_at, each.script_name))
    return Checked(len(standings), tuple(bad), faults)


def _never_succeeded(
    standings: list[Standing],
    verdicts: list[Verdict],
    script: str | None,
    max_age: timedelta | None,
    now: datetime,
) -> list[Verdict]:
    """Return those who were asked for a success and never had one: here that is bad."""
    if script is None or max_age is None:
        return []
    judged = {each.script_name for each in verdicts if each.rule == "stale"}
    names = {each.script_name for each in standings}
    names |= set() if set("*?") & set(script) else {script}
    return [
        Verdict(
            script_name=name,
            rule="stale",
            subject="",
            holds=True,
            occasion="never",
            severity="error",
            began_at=now,
            details={"is_never": True},
        )
        for name in sorted(names - judged)
    ]


def _bad(verdict: Verdict, now: datetime) -> Bad:
    facts = facts_of(verdict, now)
    return Bad(
        script_name=verdict.script_name,
        rule=verdict.rule,
        subject=verdict.subject,
        severity=verdict.severity,
        began_at=verdict.began_at,
        says=sentence(facts),
        error=error_line(facts),
        run_id=verdict.run_id,
    )


def facts_of(verdict: Verdict, now: datetime) -> Facts:
    """Return a verdict as the wording takes it."""
    from uuid import UUID

    return Facts(
        id=UUID(int=0),
        script_name=verdict.script_name,
        rule=verdict.rule,
        subject=verdict.subject,
        severity=verdict.severity,
        began_at=verdict.began_at,
        opened_at=now,
        read_at=now,
        is_flapping=False,
        details=verdict.details,
        run_id=verdict.run_id,
    )
