"""What a rule's incident is called: one sentence each, begun and ended. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from runlog._readable import plural
from runlog.alerts._declarations import EVERYTHING, MOST_MISSED
from runlog.alerts._neutral import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog.alerts._facts import Facts

_MARKS: Final = {"missed": "◇", "silence": "◇"}
_ENDS: Final = {
    "expired": "is over",
    "unscheduled": "is not expected any more",
    "paused": "is paused",
    "closed": "was closed by hand",
}
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_LONGEST: Final = 300
_MOST_FAILURES: Final = 10_000
"""So many runs are read to count failures."""
_DIGITS: Final = (2, 4, 6, 9)


def headline(facts: Facts, timezone: str) -> str:
    """Return mark and sentence: ``✖ sync failed 3 times``."""
    if facts.resolution == "healed":
        return f"✔ {_failed(facts)} and works again"
    if facts.resolved_at is not None:
        return f"✔ {_ended(facts, timezone)}"
    return f"{_mark(facts)} {sentence(facts)}"


def sentence(facts: Facts) -> str:
    """Return what is wrong, the script's name first."""
    told = _SENTENCES.get(facts.rule, _plain)(facts)
    flaps = ", again and again (flapping: told once more when it has been good for a day)"
    return told + (flaps if facts.is_flapping else "")


def _mark(facts: Facts) -> str:
    if facts.details.get("cause") == "crashed":
        return "☠"
    return _MARKS.get(facts.rule) or {"error": "✖", "warning": "⚠"}.get(facts.severity, "·")


def _ended(facts: Facts, timezone: str) -> str:
    span = span_of((facts.good_at or facts.resolved_at or facts.began_at) - facts.began_at)
    if facts.resolution != "recovered":
        return f"{name_of(facts)}: {facts.rule} {_ENDS.get(str(facts.resolution), 'is over')}"
    failures = facts.details.get("failures")
    if facts.is_flapping:
        return f"{name_of(facts)}: {facts.rule} is over, it has been good for a day"
    if facts.rule == "failed":
        more = " or more" * (failures == _MOST_FAILURES)
        runs = f", {failures}{more} run{'s' * (failures != 1)} failed" if failures else ""
        return f"{facts.script_name} works again (down {span}{runs})"
    if facts.rule == "missed":
        return _started_after_all(facts, timezone)
    again = {
        "silence": "{} is heard of again",
        "unwatched": "watcher {} looks again",
        "undelivered": "channel {} takes messages again",
        "backlog": "{} delivers everything again",
    }
    if facts.rule in again:
        return f"{again[facts.rule].format(facts.subject)} (after {span})"
    return f"{name_of(facts)}: {facts.rule} is over (after {span})"


def name_of(facts: Facts) -> str:
    """Return what it is about: its script, or what is of no single one."""
    if facts.script_name != EVERYTHING:
        return facts.script_name
    return "all scripts together" if facts.rule.startswith("cost_") else facts.subject


def _started_after_all(facts: Facts, timezone: str) -> str:
    ended = facts.details.get("end") or {}
    started, due = moment(ended.get("last_started_at")), moment(facts.details.get("due_at"))
    overdue = moment(facts.details.get("overdue_at"))
    if not (started and due and overdue and started >= due - timedelta(minutes=10)):
        return f"{facts.script_name} is not missed any more"
    shown = clock(started, timezone)
    if started <= overdue:
        arrived = clock(facts.resolved_at or started, timezone)
        return f"{facts.script_name} did run at {shown}; its record arrived by {arrived}"
    count = int(facts.details.get("missed") or 1)
    if count > 1:
        return f"{facts.script_name} started again at {shown}: {_starts(count)} did not come"
    return f"{facts.script_name} started at {shown}, {span_of(started - due)} late"


def _starts(count: int) -> str:
    return f"{plural(count, 'start')}{' or more' * (count == MOST_MISSED)}"


def _missed(facts: Facts) -> str:
    count = int(facts.details.get("missed") or 1)
    many = f": {_starts(count)} did not come" if count > 1 else ""
    return f"{facts.script_name} did not start{many}"


def _failed(facts: Facts) -> str:
    failures = int(facts.details.get("failures", 1))
    verb = "crashed" if facts.details.get("cause") == "crashed" else "failed"
    times = f" {failures} times" if failures > 1 else ""
    return f"{facts.script_name} {verb}{times}" + " or more" * (failures == _MOST_FAILURES)


def _stale(facts: Facts) -> str:
    if facts.details.get("is_never"):
        return f"{facts.script_name} has never succeeded"
    good = moment(facts.details.get("last_success_at")) or facts.opened_at
    until = facts.resolved_at or facts.read_at
    return f"{facts.script_name} has not succeeded for {span_of(until - good)}"


def _silence(facts: Facts) -> str:
    overdue = facts.details.get("overdue")
    return f"nothing heard from {facts.subject}: {overdue} scripts are overdue"


def _long(facts: Facts) -> str:
    took = span_of(timedelta(seconds=float(facts.details.get("seconds", 0))))
    has = "has been running for" if facts.details.get("is_running") else "took"
    return f"{facts.script_name} {has} {took}"


def _cost(facts: Facts) -> str:
    spent, budget = facts.details.get("spent"), facts.details.get("budget")
    of = {"cost_run": "a run", "cost_day": facts.subject, "cost_month": facts.subject}[facts.rule]
    shown = next(pair for digits in _DIGITS if (pair := _amounts(spent, budget, digits)))
    return f"{name_of(facts)} cost {shown[0]} of {shown[1]} allowed for {of}"


def _new_error(facts: Facts) -> str:
    if kinds := facts.details.get("kinds"):
        return f"{facts.script_name}: {plural(kinds, 'more new kind')} of errors"
    error = facts.details.get("error")
    told = f": {one_line(str(error), 80)}" if error else ""
    return f"{facts.script_name}: a new kind of error{told}"


def _asked(facts: Facts) -> str:
    times = int(facts.details.get("times", 1))
    again = f" ({times} times)" if times > 1 else ""
    return f"{facts.script_name}: {one_line(str(facts.details.get('text', '')), 200)}{again}"


def _backlog(facts: Facts) -> str:
    told = ", ".join(
        f"{name.replace('_', ' ')} {n}"
        for name, n in sorted(facts.details.items())
        if name != "end"
    )
    return f"{facts.subject} does not deliver everything: {told}"


def _plain(facts: Facts) -> str:
    return f"{facts.script_name}: {facts.rule} {facts.subject}".rstrip()


_SENTENCES: Final[dict[str, Callable[[Facts], str]]] = {
    "failed": _failed,
    "missed": _missed,
    "silence": _silence,
    "stale": _stale,
    "long": _long,
    "zero": lambda facts: (
        f"{facts.script_name} fetched nothing {times(facts.details.get('zeros'))}"
    ),
    "partial": lambda facts: (
        f"{facts.script_name} left {facts.details.get('failed')} of "
        f"{facts.details.get('of')} records behind"
    ),
    "cost_run": _cost,
    "cost_day": _cost,
    "cost_month": _cost,
    "new_error": _new_error,
    "asked": _asked,
    "quiet": lambda facts: f"{facts.script_name} is alive and says nothing",
    "skipped": lambda facts: (
        f"{facts.script_name} made {plural(facts.details.get('skips') or 0, 'start')} skip"
    ),
    "unwatched": lambda facts: f"watcher {facts.subject} does not look any more",
    "undelivered": lambda facts: f"channel {facts.subject} takes nothing",
    "backlog": _backlog,
}


def span_of(span: timedelta) -> str:
    """Return a span in two units: ``3 h 12 min``."""
    left = max(0, round(span.total_seconds()))
    parts = []
    for seconds, unit in _UNITS:
        amount, left = divmod(left, seconds)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2]) or "0 s"


def times(count: Any) -> str:
    """Return ``once``, ``3 times``."""
    return "once" if count == 1 else f"{count} times"


def clock(at: datetime, timezone: str) -> str:
    """Return a moment in the script's zone, which ``zone`` names once a message."""
    return f"{at.astimezone(ZoneInfo(timezone)):%d %b %H:%M}"


def moment(value: Any) -> datetime | None:
    """Return the moment that JSON holds as text."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if value else None
    except (TypeError, ValueError):
        return None


def _amounts(spent: Any, budget: Any, digits: int) -> tuple[str, str] | None:
    """Return both with so many digits; None where those do not tell that one is more."""
    told = (_amount(spent, digits), _amount(budget, digits))
    return told if told[0] != told[1] or digits == _DIGITS[-1] else None


def _amount(value: Any, digits: int) -> str:
    # What is no number is text in JSON: NaN, Infinity.
    is_number = isinstance(value, (int, float))
    return f"{float(value):.{digits}f}".removesuffix(".00") if is_number else str(value)


def error_line(facts: Facts) -> str | None:
    """Return the first line of the error, shortened."""
    text = facts.details.get("error")
    return one_line(str(text), _LONGEST) if text else None
