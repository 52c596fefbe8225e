"""The text of a message, made when it is sent: what is true now, and nothing that is not known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runlog.alerts._declarations import EVERYTHING
from runlog.alerts._neutral import one_line
from runlog.alerts._sender import Message
from runlog.alerts._wording import (
    clock,
    error_line,
    headline,
    moment,
    name_of,
    sentence,
    span_of,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from runlog.alerts._declarations import Expectation
    from runlog.alerts._facts import Facts

_LINES: Final = 10
_TITLE_MAX: Final = 120
_LINE_MAX: Final = 300
_COMMON: Final = 3


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes messages.

    Attributes:
        expectations: script → owner, runbook and time zone.
        dashboard_url: where a run is seen, None without a dashboard.
        redact: hides secrets: any program may have written the row.
        now: the moment of which the text is true.
    """

    expectations: Mapping[str, Expectation]
    dashboard_url: str | None
    redact: Callable[[str], str]
    now: datetime

    def message(
        self, notification: UUID, kind: str, facts: list[Facts], *, attempt: int, is_repeated: bool
    ) -> Message:
        """Return what tells of these incidents, the worst first."""
        title, lines = self._one(facts[0]) if len(facts) == 1 else self._many(kind, facts)
        title = one_line(self.redact(title), _TITLE_MAX)
        text = self.redact("\n".join(lines))
        return Message(
            id=notification,
            kind=kind,
            severity=facts[0].severity,
            title=title,
            text=text,
            document={
                "schema": "runlog.alert/1",
                "id": notification,
                "kind": kind,
                "sent_at": self.now,
                "attempt": attempt,
                "repeated": is_repeated,
                "title": title,
                "text": text,
                "incidents": [self._document(each) for each in facts],
            },
            attempt=attempt,
            is_repeated=is_repeated,
            incident_id=facts[0].id if len(facts) == 1 else None,
        )

    def _one(self, facts: Facts) -> tuple[str, list[str]]:
        rows = [(name, text) for name, text in self._details(facts) if text]
        width = max(len(name) for name, _ in rows)
        return headline(facts, self._timezone(facts)), [
            f"{name:<{width}}  {text}" for name, text in rows
        ]

    def _details(self, facts: Facts) -> Iterator[tuple[str, str | None]]:
        zone = self._timezone(facts)
        yield "since", self._since(facts, zone)
        yield "error", error_line(facts)
        yield "text", None if facts.rule != "asked" else str(facts.details.get("text"))
        yield "run", self._run(facts)
        yield "records", self._records(facts)
        yield from self._of_rule(facts, zone)
        yield "trigger", self._trigger(facts)
        yield "open", self._link(facts)
        yield "look", f"runlog show {facts.run_id}" if facts.run_id else "runlog alerts"
        expected = self.expectations.get(facts.script_name)
        for key in ("owner", "runbook"):
            yield key, expected.values.get(key) if expected else None

    def _since(self, facts: Facts, zone: str) -> str:
        told = f"{clock(facts.began_at, zone)} ({zone})"
        if facts.resolved_at is not None:
            return f"{told}, until {clock(facts.resolved_at, zone)}"
        told += f", {span_of(self.now - facts.began_at)} ago"
        good = facts.last_success_at
        return told + (f"; last good run {clock(good, zone)}" if good else "")

    def _of_rule(self, facts: Facts, zone: str) -> Iterator[tuple[str, str | None]]:
        details = facts.details
        if facts.rule == "missed":
            due = moment(details.get("due_at"))
            yield "due", f"{clock(due, zone)} ({details.get('schedule')})" if due else None
            source = details.get("source")
            # The record of a run that did happen may wait on its machine.
            yield (
                "or",
                source and f"it did run and its record waits on {source}: runlog flush there",
            )
        if facts.rule == "silence":
            names = details.get("names") or []
            more = f" and {len(names) - _LINES} more" if len(names) > _LINES else ""
            yield "scripts", ", ".join(names[:_LINES]) + more
            yield "or", f"they run and nothing is delivered: runlog flush on {facts.subject}"
        if facts.rule == "long":
            allowed, usual = details.get("allowed_s"), details.get("usual_s")
            told = f"{allowed} s are allowed" if allowed else None
            yield "limit", told and told + (f", {usual} s are usual" if usual else "")
        if facts.rule == "zero":
            last = moment(details.get("last_with_records_at"))
            longest = details.get("longest_before")
            at = f"last with records {clock(last, zone)}; " if last else ""
            before = f"before more than {times(longest)} in a row" if longest else "before"
            yield "before", f"{at}never {before}"
        if facts.rule == "quiet":
            last = details.get("message")
            said = f"[{details.get('step')}] {one_line(str(last), 200)}"
            yield "last said", "nothing at all" if last is None else said

    @staticmethod
    def _run(facts: Facts) -> str | None:
        if facts.duration_ms is None:
            return None
        usual = f", usually {facts.usual_seconds:.0f} s" if facts.usual_seconds is not None else ""
        return f"{facts.status} after {facts.duration_ms / 1000:.0f} s{usual}"

    @staticmethod
    def _records(facts: Facts) -> str | None:
        usual = f" (usually {facts.usual_fetched:.0f})" if facts.usual_fetched is not None else ""
        known = {
            "fetched": facts.records_fetched,
            "inserted": facts.records_inserted,
            "updated": facts.records_updated,
            "failed": facts.records_failed,
        }
        told = [
            f"{name} {n}{usual * (name == 'fetched')}" for name, n in known.items() if n is not None
        ]
        return " · ".join(told) or None

    @staticmethod
    def _trigger(facts: Facts) -> str | None:
        if facts.run_id is None:
            return None
        place = f" on {facts.host}" if facts.host else ""
        commit = f", commit {facts.commit[:7]}" if facts.commit else ""
        return f"{facts.triggered_by or 'unknown'}{place}{commit}"

    def _link(self, facts: Facts) -> str | None:
        if self.dashboard_url and facts.run_id:
            return f"{self.dashboard_url}/runs/{facts.run_id}"
        return facts.github_url or self.dashboard_url

    def _many(self, kind: str, facts: list[Facts]) -> tuple[str, list[str]]:
        # A name may have lines of its own.
        lines = [
            one_line(headline(each, self._timezone(each)), _LINE_MAX) for each in facts[:_LINES]
        ]
        if len(facts) > _LINES:
            lines.append(f"… and {len(facts) - _LINES} more: runlog alerts")
        if cause := _common_cause(facts):
            lines.insert(0, cause)
        if self.dashboard_url:
            lines.append(f"open  {self.dashboard_url}/alerts")
        return _title(facts) + (" (reminder)" if kind == "reminder" else ""), lines

    def _timezone(self, facts: Facts) -> str:
        expected = self.expectations.get(facts.script_name)
        return expected.timezone if expected else "UTC"

    def _document(self, facts: Facts) -> dict[str, Any]:
        expected = self.expectations.get(facts.script_name)
        values = expected.values if expected else {}
        document = facts.document()
        if document["run"] and self.dashboard_url:
            document["run"]["url"] = f"{self.dashboard_url}/runs/{facts.run_id}"
        error = error_line(facts)
        return {
            **document,
            "says": self.redact(sentence(facts)),
            "error": error and self.redact(error),
            "details": _redacted(facts.details, self.redact),
            "owner": values.get("owner"),
            "runbook": values.get("runbook"),
        }


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """Return what JSON holds with every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _redacted(each, redact) for name, each in value.items()}
    return [_redacted(each, redact) for each in value] if isinstance(value, list) else value


def _title(facts: list[Facts]) -> str:
    """Return what is true of all: how many are still bad, else that they are over."""
    still = [each for each in facts if each.resolved_at is None]
    names = sorted({name_of(each) for each in still or facts})
    are_scripts = all(each.script_name != EVERYTHING for each in still or facts)
    is_one = len(names) == 1
    named = names[0] if is_one else f"{len(names)} {'scripts' if are_scripts else 'things'}"
    verb = "s" if is_one else ""
    if still:
        mark = "✖" if still[0].severity == "error" else "⚠"
        return f"{mark} {named} need{verb} attention"
    if are_scripts and all(each.resolution in {"recovered", "healed"} for each in facts):
        return f"✔ {named} work{verb} again"
    return f"✔ {len(facts)} incidents are over"


def _common_cause(facts: list[Facts]) -> str | None:
    errors = Counter(line for each in facts if (line := error_line(each)))
    if not errors:
        return None
    text, times = errors.most_common(1)[0]
    return f"{times} of them: {text}" if times >= _COMMON else None
