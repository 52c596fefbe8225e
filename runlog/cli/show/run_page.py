"""One run on one page: its row, its steps and its last errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from runlog._process.visible import visible
from runlog._readable import ago, duration, moment, number, plural, share, size
from runlog.cli._database import SHORT_ID
from runlog.cli.show.entry_lines import lines_of, styled
from runlog.cli.show.output import Output, record_of, to_json
from runlog.cli.show.run_columns import progress_words
from runlog.cli.show.table import STATE_STYLES, Column, has_colours, table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog.queries._rows import Entry, RunDetail, Step

_OWN = "runlog"


@dataclass(frozen=True, slots=True)
class RunPage:
    """What the page shows."""

    run: RunDetail
    steps: list[Step]
    errors: list[Entry]

    def as_record(self) -> dict[str, Any]:
        """Return the page as the JSON formats tell it."""
        return {
            "run": record_of(self.run),
            "steps": [record_of(step) for step in self.steps],
            "errors": [record_of(entry) for entry in self.errors],
        }


def page_lines(page: RunPage, output: Output) -> Iterator[str]:
    """Return the page as lines for people."""
    run, colours = page.run, has_colours()
    state = styled(run.state, STATE_STYLES.get(run.state, "")) if colours else run.state
    name = visible(run.script_name)
    title = click.style(name, bold=True) if colours else name
    yield f"{title}  {state}  {duration(run.elapsed_ms)}"
    facts = [(label, text) for label, text in _facts(run, output) if text]
    width = max(len(label) for label, _ in facts)
    for label, text in facts:
        yield f"  {label:<{width}}  {text}"
    if page.steps:
        yield ""
        yield from table_lines(step_columns(page.steps), page.steps, on_terminal=output.on_terminal)
    if page.errors:
        yield ""
        yield "last errors:" if len(page.errors) > 1 else "error:"
        for entry in page.errors:
            yield from lines_of(entry, utc=output.utc, colours=colours)
    yield ""
    entries = sum(step.entries for step in page.steps)
    command = f'"runlog logs {str(run.id)[:SHORT_ID]}"'
    yield f"{plural(entries, 'entry')}; {command} prints them" if entries else "no entries"


def step_columns(steps: list[Step]) -> list[Column]:
    """Return the columns of a run's steps."""
    total = sum(step.duration_ms for step in steps) or None
    return [
        Column("STEP", lambda step: step.step),
        Column("ENTRIES", lambda step: number(step.entries), right=True),
        Column("WARNINGS", lambda step: number(step.warnings or None), right=True),
        Column("ERRORS", lambda step: number(step.errors or None), right=True),
        Column("TOOK", lambda step: duration(step.duration_ms), right=True),
        Column(
            "SHARE", lambda step: share(step.duration_ms / total if total else None), right=True
        ),
    ]


def _facts(run: RunDetail, output: Output) -> Iterator[tuple[str, str]]:
    own = _own(run)
    yield "run", str(run.id)
    yield "started", _when(run.started_at, run, output)
    yield "finished", _when(run.finished_at, run, output)
    if run.status == "running":
        yield "last seen", _when(run.heartbeat_at, run, output)
    yield "started by", _started_by(run, own)
    yield "progress", progress_words(own.get("progress"))
    yield "records", _counts(run)
    yield "cost", number(run.api_cost)
    yield "sync", _sync(run, own, output)
    if run.batch_id != run.id:
        yield "batch", str(run.batch_id or "")
    yield "used", _used(own)
    yield "commit", visible(own.get("git_commit"))
    yield "outcome", visible(run.outcome)
    yield "error", visible(run.error_message)
    if isinstance(run.metadata, dict):
        rest = {name: value for name, value in run.metadata.items() if name != _OWN}
        yield "metadata", visible(to_json(rest)) if rest else ""


def _own(run: RunDetail) -> dict[str, Any]:
    own = run.metadata.get(_OWN) if isinstance(run.metadata, dict) else None
    return own if isinstance(own, dict) else {}


def _used(own: dict[str, Any]) -> str:
    peak, seconds = own.get("peak_memory_bytes"), own.get("cpu_seconds")
    parts = [f"{size(peak)} at the peak"] if isinstance(peak, int) else []
    if isinstance(seconds, int | float):
        parts.append(f"{duration(int(seconds * 1000))} of processor time")
    return ", ".join(parts)


def _when(moment_: Any, run: RunDetail, output: Output) -> str:
    return f"{moment(moment_, utc=output.utc)} ({ago(moment_, run.read_at)})" if moment_ else ""


def _started_by(run: RunDetail, own: dict[str, Any]) -> str:
    place = f" on {own['host']}, process {own.get('pid')}" if own.get("host") else ""
    return visible(f"{run.triggered_by or 'unknown'}{place}")


def _counts(run: RunDetail) -> str:
    named = {
        "fetched": run.records_fetched,
        "inserted": run.records_inserted,
        "updated": run.records_updated,
        "failed": run.records_failed,
        "calls analyzed": run.calls_analyzed,
    }
    return ", ".join(
        f"{number(value)} {name}" for name, value in named.items() if value is not None
    )


def _sync(run: RunDetail, own: dict[str, Any], output: Output) -> str:
    start, end = (moment(it, utc=output.utc) for it in (run.sync_start_date, run.sync_end_date))
    window = f"{start or '…'} to {end}" if run.sync_mode and end else ""
    kind = "a backfill" if own.get("backfill") is True else ""
    return visible(", ".join(filter(None, (run.sync_mode, kind, window))))
