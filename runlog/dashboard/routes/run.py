"""One run: how it stands, its counters beside what is usual, its steps, its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, StreamingResponse

from runlog import queries
from runlog.dashboard import _facts as facts
from runlog.dashboard import _lines as lines
from runlog.dashboard import _words as words
from runlog.dashboard._filters import id_of, level_of, moment_of, text_of, whole_number
from runlog.dashboard._site import (
    csv_answer,
    format_of,
    json_answer,
    page,
    root_of,
    site_of,
    viewer,
)
from runlog.dashboard._volume import Histogram, histogram

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from starlette.requests import Request
    from starlette.responses import Response

    from runlog._database.driver import Connection
    from runlog.queries import Entry, ErrorKind, Line, Run, RunDetail, Step, UsualRun

ALL_UP_TO = 20_000
_NEWEST = 5_000
_AROUND = 200
_BLOCK = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """What the page of a run shows."""

    run: RunDetail
    steps: list[Step]
    volume: Histogram
    usual: UsualRun
    earlier: Run | None
    later: Run | None
    batch: list[Run]
    error: Entry | None
    kind: ErrorKind | None
    lines: list[Line]


def run(request: Request) -> Response:
    """Answer ``/runs/{run}`` and its twins."""
    with site_of(request).database.page() as connection:
        run_id = _named(connection, request)
        if not request.url.path.startswith(f"{root_of(request)}/runs/{run_id}"):
            return RedirectResponse(_own_address(request, run_id), 302)
        if format_of(request) == "csv":
            return csv_answer(
                f"run-{run_id}",
                ["number", "timestamp", "level", "step", "message", "meta", "id"],
                _every_line(request, run_id),
            )
        found = _find(connection, request, run_id)
    if format_of(request) == "json":
        return json_answer(_record(found))
    if moment := moment_of(request, "at"):
        return RedirectResponse(_place_of(request, found, moment), 302)
    is_live = found.run.status == "running"
    known = lines.first_known(found.lines)
    return page(
        request,
        "run.html",
        now=found.run.read_at,
        active="runs",
        icon="attention" if found.run.state in {"error", "failed", "crashed", "lost?"} else "fine",
        found=found,
        run=found.run,
        counters=facts.counters(found.run, found.usual, found.earlier),
        facts=facts.facts_of(found.run),
        parameters=facts.parameters_of(found.run),
        stack=facts.stack_of(found.error),
        failing=facts.failing_step(found.run, found.steps),
        html=lines.chunks(found.lines, viewer(request), is_live=is_live),
        is_live=is_live,
        tail_from=known.timestamp if known else found.run.started_at,
        total=found.volume.total,
        level=level_of(request),
        is_filtered=any(text_of(request, name) for name in ("level", "step", "q")),
        longest_step=max((step.duration_ms for step in found.steps), default=0),
    )


def _own_address(request: Request, run_id: UUID) -> str:
    """Return the address of a run that was called by another name, asked the same."""
    ending = format_of(request)
    path = f"{root_of(request)}/runs/{run_id}{'' if ending == 'html' else f'.{ending}'}"
    return words.with_query(path, {"script": None}, dict(request.query_params))


def _named(connection: Connection[Any], request: Request) -> UUID:
    """Return the id of the run that the path names."""
    name = request.path_params["run"].removesuffix(".json").removesuffix(".csv")
    if name == "latest":
        script = text_of(request, "script")
        newest = queries.last_runs(connection, limit=1, script=script)
        if newest:
            return newest[0].id
        raise HTTPException(404, f"there is no run{f' of script {script!r}' if script else ''} yet")
    if (run_id := id_of(name)) is not None:
        return run_id
    if name.isascii() and name.isdigit() and len(name) < 19:  # noqa: PLR2004 - a bigint
        ids = queries.runs_with_number(connection, number=int(name))
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise HTTPException(404, f"several runs have the number {name}; use the run's id")
    try:
        prefixed = queries.runs_with_prefix(connection, prefix=name, limit=2)
    except queries.QueryError:
        prefixed = []
    if len(prefixed) == 1:
        return prefixed[0].id
    raise HTTPException(404, f"there is no run {words.cut(name, 60)!r}")


def _one(connection: Connection[Any], run_id: UUID) -> RunDetail:
    found = queries.find_run(connection, run_id=run_id)
    if found is None:
        raise HTTPException(404, f"there is no run {run_id}; it may have been deleted as too old")
    return found


def _find(connection: Connection[Any], request: Request, run_id: UUID) -> Found:
    found = _one(connection, run_id)
    script, began = found.script_name, found.started_at
    volume = histogram(queries.volume_of_run(connection, run_id=run_id))
    is_bad = found.status == "error"
    errors = (
        queries.newest_entries_of_run(connection, run_id=run_id, level="ERROR", limit=1)
        if is_bad
        else []
    )
    batch = found.batch_id and queries.runs_of_batch(connection, batch_id=found.batch_id)
    before = queries.last_runs(connection, script=script, before=found, limit=1) if began else []
    return Found(
        run=found,
        steps=queries.steps_of_run(connection, run_id=run_id),
        volume=volume,
        usual=queries.usual_run(connection, script=script, until=began),
        earlier=before[0] if before else None,
        later=queries.run_after(connection, run=found) if began else None,
        batch=batch if batch and len(batch) > 1 else [],
        error=errors[0] if errors else None,
        kind=queries.error_kind_of_run(connection, run=found) if is_bad else None,
        lines=_lines(connection, request, run_id, volume.total),
    )


def _lines(connection: Connection[Any], request: Request, run_id: UUID, total: int) -> list[Line]:
    if text_of(request, "lines") == "none":
        return []
    place = whole_number(request, "line")
    return queries.lines_of_run(
        connection,
        run_id=run_id,
        level=level_of(request),
        step=text_of(request, "step"),
        text=text_of(request, "q"),
        before_number=whole_number(request, "before"),
        from_number=max(1, place - _AROUND) if place else None,
        limit=ALL_UP_TO if total <= ALL_UP_TO else _NEWEST,
    )


def _place_of(request: Request, found: Found, moment: datetime) -> str:
    """Return the address of the first line at or after a moment."""
    later = (line for line in found.lines if words.aware(line.timestamp) >= moment)
    line = next(later, found.lines[-1] if found.lines else None)
    path = words.with_query(request.url.path, {"at": None}, dict(request.query_params))
    return f"{path}#L{line.number}" if line else path


def _record(found: Found) -> dict[str, Any]:
    return {
        "run": found.run,
        "steps": found.steps,
        "levels": found.volume.levels,
        "usual": found.usual,
        "earlier": found.earlier,
        "later": found.later,
        "error": found.error,
        "lines": found.lines,
    }


def _every_line(request: Request, run_id: UUID) -> Iterator[Line]:
    """Yield the lines that match, from the first to the last, block by block."""
    place = 1
    while True:
        with site_of(request).database.page() as connection:
            block = queries.lines_of_run(
                connection,
                run_id=run_id,
                level=level_of(request),
                step=text_of(request, "step"),
                text=text_of(request, "q"),
                from_number=place,
                limit=_BLOCK,
            )
        yield from block
        if len(block) < _BLOCK:
            return
        place = block[-1].number + 1


def raw(request: Request) -> Response:
    """Answer ``/runs/{run}/raw``: the log as a file of text."""
    with site_of(request).database.page() as connection:
        run_id = _one(connection, _named(connection, request)).id
    headers = {"Content-Disposition": f'attachment; filename="run-{run_id}.log"'}

    def text() -> Iterator[str]:
        for line in _every_line(request, run_id):
            at = viewer(request).local(line.timestamp).isoformat(timespec="milliseconds")
            yield f"{at} {line.level:<7} {line.step} {line.message}\n"

    return StreamingResponse(text(), media_type="text/plain; charset=utf-8", headers=headers)


def line(request: Request) -> Response:
    """Answer ``/runs/{run}/lines/{number}``: one line with all its fields."""
    number = request.path_params["number"]
    with site_of(request).database.page() as connection:
        run = _one(connection, _named(connection, request))
        found = queries.lines_of_run(connection, run_id=run.id, from_number=number, limit=1)
    if not found or found[0].number != number:
        raise HTTPException(404, f"run {run.id} has no line {number}")
    entry = found[0]
    if format_of(request) == "json":
        return json_answer(entry)
    return page(
        request,
        "line.html",
        active="runs",
        run=run,
        line=entry,
        fields=facts.fields_of(entry.meta),
    )


def compare(request: Request) -> Response:
    """Answer ``/runs/{run}/compare``: this run, the one before, and what is usual."""
    with site_of(request).database.page() as connection:
        this = _one(connection, _named(connection, request))
        other_id = id_of(text_of(request, "with"))
        other: Run | None = queries.find_run(connection, run_id=other_id) if other_id else None
        if other is None and this.started_at:
            before = queries.last_runs(connection, script=this.script_name, before=this, limit=1)
            other = before[0] if before else None
        usual = queries.usual_run(connection, script=this.script_name, until=this.started_at)
        steps = queries.steps_of_run(connection, run_id=this.id)
        others = queries.steps_of_run(connection, run_id=other.id) if other else []
    return page(
        request,
        "compare.html",
        now=this.read_at,
        active="runs",
        run=this,
        other=other,
        usual=usual,
        counters=facts.counters(this, usual, other),
        steps=facts.side_by_side(steps, others),
    )
