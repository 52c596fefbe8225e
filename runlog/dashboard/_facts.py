"""What a run's row says, as the page tells it: counters, facts, parameters, steps. Pure.

Rows may be another program's: ``metadata`` is whatever JSON it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runlog.dashboard import _words as words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlog.queries import Run, RunDetail, Step, UsualRun

_OWN: Final = "runlog"
_COUNTERS: Final = (
    ("Fetched", "records_fetched"),
    ("Inserted", "records_inserted"),
    ("Updated", "records_updated"),
    ("Failed", "records_failed"),
    ("Calls analysed", "calls_analyzed"),
    ("API cost", "api_cost"),
)


@dataclass(frozen=True, slots=True)
class Counter:
    """One figure of a run beside what is usual and what the run before had."""

    label: str
    value: str
    usual: str
    before: str
    change: str
    is_bad: bool


def counters(run: Run, usual: UsualRun, before: Run | None) -> list[Counter]:
    """Return the counters that the script sets, or usually sets."""
    made = []
    for label, name in _COUNTERS:
        value, typical = getattr(run, name), getattr(usual, name)
        last = getattr(before, name) if before else None
        if value is None and typical is None:
            continue
        told = words.money if name == "api_cost" else words.number
        made.append(
            Counter(
                label=label,
                value=told(value),
                usual=told(typical) if typical is not None else "",
                before=told(last) if last is not None else "",
                change=words.change(value, typical),
                is_bad=name == "records_failed" and bool(value),
            )
        )
    return made


def own(run: RunDetail) -> dict[str, Any]:
    """Return what runlog noted about a run; nothing where another program wrote the row."""
    noted = run.metadata.get(_OWN) if isinstance(run.metadata, dict) else None
    return noted if isinstance(noted, dict) else {}


def facts_of(run: RunDetail) -> list[tuple[str, str, str]]:
    """Return what is known of where a run comes from: label, text, and a link or nothing."""
    noted = own(run)
    github = noted.get("github")
    link = str(github.get("url", "")) if isinstance(github, dict) else ""
    argv = noted.get("argv")
    command = " ".join(map(str, argv)) if isinstance(argv, list) else ""
    window = ""
    if run.sync_start_date or run.sync_end_date:
        begin, end = run.sync_start_date, run.sync_end_date
        window = f"{_day(begin)} → {_day(end)}"
    told = [
        ("Started by", run.triggered_by or "", link if link.startswith("https://") else ""),
        ("Host", str(noted.get("host") or ""), ""),
        ("Process", str(noted.get("pid") or ""), ""),
        ("Python", str(noted.get("python") or ""), ""),
        ("Commit", str(noted.get("git_commit") or "")[:12], ""),
        ("Command", command, ""),
        ("Sync", "backfill" if noted.get("backfill") is True else run.sync_mode or "", ""),
        ("Window", window, ""),
    ]
    return [(label, text, to) for label, text, to in told if text]


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "…"


def parameters_of(run: RunDetail) -> list[tuple[str, str]]:
    """Return what the script itself put into ``metadata``."""
    if not isinstance(run.metadata, dict):
        return [("metadata", words.to_json(run.metadata))] if run.metadata is not None else []
    rest = {name: value for name, value in run.metadata.items() if name != _OWN}
    # Another program's own "runlog", which is no object, is its parameter.
    if _OWN in run.metadata and not own(run):
        rest[_OWN] = run.metadata[_OWN]
    return fields_of(rest)


def fields_of(meta: Any) -> list[tuple[str, str]]:
    """Return JSON as names and texts, one a field."""
    if not isinstance(meta, dict):
        return [("meta", _text(meta))] if meta is not None else []
    return [(str(name), _text(value)) for name, value in meta.items()]


def stack_of(entry: Any) -> str:
    """Return the traceback in an entry's fields; nothing where there is none."""
    stack = entry.meta.get("stack") if entry and isinstance(entry.meta, dict) else None
    return str(stack or "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else words.to_json(value, indent=True)


def failing_step(run: Run, steps: Sequence[Step]) -> str | None:
    """Return the step in which a run failed: the last one with an error that is no summary."""
    if run.status != "error":
        return None
    bad = [step.step for step in steps if step.errors]
    own_words = [step for step in bad if step != "ERROR"]
    if own_words or not bad:
        return own_words[-1] if own_words else None
    # Only runlog's own ERROR entry: it failed in what went on before it.
    before = [step.step for step in steps if step.step not in {"ERROR", "END"}]
    return before[-1] if before else bad[-1]


@dataclass(frozen=True, slots=True)
class StepPair:
    """A step of two runs; None where one of them has no such step."""

    step: str
    this: Step | None
    other: Step | None


def side_by_side(this: Sequence[Step], other: Sequence[Step]) -> list[StepPair]:
    """Return the steps of two runs in the order of the first, then those of the second alone."""
    by_name = {step.step: step for step in other}
    pairs = [StepPair(step.step, step, by_name.pop(step.step, None)) for step in this]
    return pairs + [StepPair(name, None, step) for name, step in by_name.items()]
