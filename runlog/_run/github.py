"""What GitHub Actions shows of a run that ends there: a line in the job's summary, an annotation.

Not here: where the run comes from (``_process.origin``). Runs on the caller's thread when a run
ends, and of the process's end when something waits then; one small append and one write to stderr,
no request to anybody. The caller swallows what it raises.

Formats: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlog._process.notices import notices
from runlog._readable import plural
from runlog._recorder import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runlog._process.ending import Ending
    from runlog._recorder.run_state import RunState
    from runlog._settings import Settings

_LONGEST_MESSAGE = 2000
# GitHub shows nothing at all of a step whose summary exceeds 1 MiB.
_LARGEST_SUMMARY_BYTES = 512 * 1024
_COLUMNS = {
    "records_fetched": "fetched",
    "records_inserted": "inserted",
    "records_updated": "updated",
    "records_failed": "failed",
    "calls_analyzed": "calls analyzed",
    "api_cost": "API cost",
}


def tell(
    run: RunState,
    ending: Ending,
    *,
    settings: Settings,
    redact: Callable[[str], str],
    environ: Mapping[str, str],
    is_outermost: bool,
) -> None:
    """Append ``run`` to the job's summary and, if it failed, annotate the job; elsewhere nothing.

    Args:
        run: the run that has ended.
        ending: how.
        settings: ``github_summary`` and ``github_annotation`` switch the two off.
        redact: hides secrets in text.
        environ: says whether this is GitHub Actions.
        is_outermost: a failure inside another run is annotated by that one, once.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    message = redact(ending.error_message or "")[:_LONGEST_MESSAGE]
    if settings.github_summary:
        _summarize(summary(run, ending.status, message), environ)
    if settings.github_annotation and ending.status == "error" and is_outermost:
        place = _place(ending.error, environ.get("GITHUB_WORKSPACE"))
        _command(annotation(run.script_name, message, place))


def tell_undelivered(settings: Settings, waiting: int, place: str | None) -> None:
    """Warn that what waits here is not in the database when the job ends.

    Args:
        settings: ``github_summary`` and ``github_annotation`` switch the two off.
        waiting: how many entries.
        place: the folder in which they wait; None: they are lost.
    """
    is_kept = os.environ.get("RUNNER_ENVIRONMENT") == "self-hosted" and place is not None
    were = plural(waiting, "entry was", "entries were") if waiting else "the end of a run was"
    told = f"{were} not delivered"
    told += f" and kept in {place}" if is_kept else " and this runner is discarded"
    if not is_kept:
        told += (
            "; keep RUNLOG_SPOOL_DIR with actions/upload-artifact, and deliver it from there later "
            'with "runlog flush"'
        )
    if settings.github_annotation:
        _warn(told)
    if settings.github_summary:
        mark = f"> ⚠️ {_plain(told)}. What stands above is not in the database.\n\n"
        _summarize(mark, os.environ)


def tell_unrecorded() -> None:
    """Warn once that nothing is recorded: a secret is empty in the pull request of a fork."""
    settings = registry.configured()
    if settings.enabled and settings.dsn is None:
        _warn_once(settings, "no database is named, so this job is not recorded")


def tell_discarded(settings: Settings) -> None:
    """Warn once that the PostgreSQL that nobody asked for goes away with the runner."""
    is_named = any(os.environ.get(name, "").strip() for name in ("RUNLOG_DSN", "DATABASE_URL"))
    if not is_named and os.environ.get("RUNNER_ENVIRONMENT") != "self-hosted":
        _warn_once(
            settings,
            "no database is named, so this job is recorded in an embedded PostgreSQL that is"
            " discarded with the runner",
        )


def _warn_once(settings: Settings, told: str) -> None:
    if settings.github_annotation and not notices.is_in("github", "unrecorded"):
        notices.settle("github", "unrecorded")
        _warn(f"{told}; is the secret there?")


def _warn(message: str) -> None:
    _command(f"::warning title=runlog::{_escaped(message)}\n")


def _command(line: str) -> None:
    # stdout may be data; the runner reads commands from both.
    stream = sys.stderr or sys.__stderr__
    if stream is not None:
        stream.write(line)
        stream.flush()


def _summarize(text: str, environ: Mapping[str, str]) -> None:
    """Append to the job's summary; where that cannot be written, nothing else suffers."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            _append(path, text)
        except OSError as error:
            reason = f"the job's summary could not be written: {error}"
            notices.change("github summary", str(error.errno), reason)


def annotation(title: str, message: str, place: tuple[str, int] | None = None) -> str:
    """Return the line that makes the runner annotate the job with an error."""
    properties = {"title": title}
    if place is not None:
        properties = {"file": place[0], "line": str(place[1]), **properties}
    told = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::error {told}::{_escaped(message)}\n"


def _escaped(text: str, also: str = "") -> str:
    """Escape a text so that it stays one command and cannot be another one."""
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def summary(run: RunState, status: str, message: str) -> str:
    """Return the part of the job's summary, in Markdown, that tells of one run."""
    cells = {
        "status": status,
        "started": f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC",
        "duration": f"{run.duration_ms() / 1000:.1f} s",
        **{_COLUMNS[name]: str(value) for name, value in run.counts().items()},
        "run": run.id_text,
    }
    mark = "✅" if status == "success" else "❌"
    lines = [
        f"### {mark} {_plain(run.script_name)}",
        "",
        f"| {' | '.join(cells)} |",
        f"|{' --- |' * len(cells)}",
        f"| {' | '.join(_plain(value) for value in cells.values())} |",
        "",
    ]
    if message:
        # Indented text is code, in which nothing has a meaning.
        lines += [*(f"    {line}" for line in message.splitlines()), ""]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Escape what Markdown and HTML would read as their own."""
    one_line = " ".join(text.split())[:_LONGEST_MESSAGE]
    return "".join(f"&#{ord(sign)};" if sign in "\\`*_[]<>&|~#!" else sign for sign in one_line)


def _append(path: str, text: str) -> None:
    content = text.encode("utf-8", "backslashreplace")
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.fstat(file).st_size + len(content) <= _LARGEST_SUMMARY_BYTES:
            os.write(file, content)
    finally:
        os.close(file)


def _place(error: BaseException | None, workspace: str | None) -> tuple[str, int] | None:
    """Return file and line of the innermost frame that lies in the checked out repository."""
    traceback: Any = getattr(error, "__traceback__", None)
    found: tuple[str, int] | None = None
    while traceback is not None and workspace:
        path = Path(traceback.tb_frame.f_code.co_filename)
        if path.is_relative_to(workspace) and "site-packages" not in path.parts:
            found = path.relative_to(workspace).as_posix(), traceback.tb_lineno
        traceback = traceback.tb_next
    return found
