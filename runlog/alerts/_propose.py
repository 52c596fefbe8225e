"""Schedules proposed for ``runlog.toml``: printed, never active by themselves.

A guess that wakes people is worse than a question.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlog._expectations import host_timezone
from runlog.alerts import _statements as statements
from runlog.alerts._crontab import Scheduled, crontab_schedules, workflow_schedules
from runlog.alerts._learn import infer
from runlog.alerts._standing import fetch_newest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from runlog._database.driver import Connection


@dataclass(frozen=True, slots=True)
class _Starts:
    script_name: str
    starts: list[datetime]


def propose(
    connection: Connection[Any],
    schema: str,
    *,
    name_of: Callable[[list[str]], str],
    crontab: str | None = None,
    is_system: bool = False,
    workflows: str | None = None,
    script: str | None = None,
) -> Iterator[str]:
    """Return lines for ``runlog.toml``; of what nothing can be said, a comment.

    Args:
        connection: to the database.
        schema: where the tables are.
        name_of: what a run of a command line is called.
        crontab: path of a crontab; ``-`` is stdin.
        is_system: the crontab has a column for the user.
        workflows: folder of GitHub workflows.
        script: only this one; without files the history of the scripts is asked.
    """
    now = statements.values(connection, schema, "now")[0]
    known = {run.script_name: run for run in fetch_newest(connection, schema, now)}
    found: list[Scheduled] = []
    if crontab is not None:
        text = sys.stdin.read() if crontab == "-" else Path(crontab).read_text()
        found += crontab_schedules(text, is_system=is_system, name_of=name_of)
    if workflows is not None:
        found += workflow_schedules(Path(workflows), name_of=name_of)
    if crontab is None and workflows is None:
        names = [name for name in known if script in {None, name}]
        yield from _from_history(connection, schema, names, declared=_declared(known))
        return
    for name in dict.fromkeys(
        each.script_name for each in found if script in {None, each.script_name}
    ):
        yield from _block(name, [each for each in found if each.script_name == name], known)


def _declared(known: dict[str, Any]) -> set[str]:
    return {name for name, run in known.items() if "schedule" in (run.expects or {})}


def _block(name: str, found: list[Scheduled], known: dict[str, Any]) -> Iterator[str]:
    yield f"[scripts.{json.dumps(name)}]"
    texts = ", ".join(f'"{each.schedule}"' for each in found)
    yield f"schedule = [{texts}]" if len(found) > 1 else f"schedule = {texts}"
    zone = found[0].timezone or host_timezone(os.environ)
    yield f'timezone = "{zone}"'
    yield f"# {', '.join(each.place for each in found)}" + (
        "" if name in known else "; no run of that name yet"
    )
    yield ""


def _from_history(
    connection: Connection[Any], schema: str, names: list[str], *, declared: set[str]
) -> Iterator[str]:
    zone = host_timezone(os.environ)
    for row in statements.fetch(connection, schema, "starts", _Starts, scripts=names):
        if row.script_name in declared:
            continue
        proposal = infer(row.starts, zone)
        if proposal is None:
            yield f"# {row.script_name}: {len(row.starts)} starts, and no schedule that fits"
            continue
        yield f"[scripts.{json.dumps(row.script_name)}]"
        yield f'schedule = "{proposal.schedule}"'
        yield f'timezone = "{zone}"'
        yield f"# fits {proposal.score:.0%} of {len(row.starts)} starts"
        yield ""
