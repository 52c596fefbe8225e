"""Incidents: opened where a rule says bad, ended where it says good; nothing changes otherwise.

In the transaction of a look. Two unique indexes hold what counts, however many look at once: one
open incident of a script, rule and subject, and none twice for the same occasion.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from runlog.alerts import _statements as statements

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from runlog._database.driver import Connection
    from runlog.alerts._rules import Evaluation
    from runlog.alerts._verdicts import Verdict

_HEALED_WITHIN: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Change:
    """An incident that was opened or ended in this look."""

    id: UUID
    script_name: str
    rule: str
    subject: str


def apply(
    connection: Connection[Any], schema: str, verdicts: list[Verdict], now: datetime
) -> tuple[list[Change], list[Change]]:
    """Return what was opened and what ended by these verdicts."""
    told = statements.as_json(asdict(verdict) for verdict in verdicts)

    def change(name: str) -> list[Change]:
        return statements.fetch(connection, schema, name, Change, verdicts=told, now=now)

    # What is open already is told what is known now; then what is not open yet is opened.
    statements.execute(connection, schema, "touch", verdicts=told, now=now)
    opened = change("open")
    resolved = change("resolve")
    statements.execute(connection, schema, "explain_silence")
    statements.execute(connection, schema, "explain_errors")
    return opened, resolved


def end_unexpected(
    connection: Connection[Any], schema: str, evaluation: Evaluation, now: datetime
) -> list[Change]:
    """End what is over by itself, and what nobody expects any more."""
    expected = statements.as_json(evaluation.expected())
    return statements.fetch(connection, schema, "expire", Change, expected=expected, now=now)


def note_healed(
    connection: Connection[Any],
    schema: str,
    evaluation: Evaluation,
    now: datetime,
    first_look_at: datetime,
) -> None:
    """Keep the failures that began and ended between two looks."""
    since = max(first_look_at, now - _HEALED_WITHIN)
    rules = evaluation.parameter("failed")
    statements.execute(connection, schema, "healed", rules=rules, now=now, since=since)
