"""A month of runs that looks real: eight scripts, with what goes wrong in a month.

Invented from a fixed seed, so that two people see the same, but for the moment: everything ends
now. Rows go in by COPY, marked ``{"demo": "month"}`` in their metadata.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from runlog._database.driver import Jsonb
from runlog._database.reading import now_of
from runlog._database.statements import statement
from runlog.cli._demo_scripts import FATES, SCRIPTS, Fate, Script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection

DAYS: Final = 30
_SEED: Final = 20_261_126
_HOSTS: Final = ("worker-1", "worker-2")


@dataclass(frozen=True, slots=True)
class Run:
    """One invented run and its entries, as COPY takes them."""

    row: tuple[Any, ...]
    entries: list[tuple[Any, ...]] = field(default_factory=list)


def write_month(connection: Connection[Any], schema: str) -> tuple[int, int]:
    """Write the month; return how many runs and entries. Nothing, if it is there already."""
    if connection.execute(statement("demo/has_month", schema)).fetchone() == (True,):
        return 0, 0
    runs = list(invent(now_of(connection)))
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(statement("demo/copy_runs", schema)) as copy:
            for run in runs:
                copy.write_row(run.row)
        with cursor.copy(statement("demo/copy_entries", schema)) as copy:
            for run in runs:
                for entry in run.entries:
                    copy.write_row(entry)
    return len(runs), sum(len(run.entries) for run in runs)


def invent(now: datetime) -> Iterator[Run]:
    """Yield the runs of the month that ends ``now``, in order of time."""
    dice = random.Random(_SEED)  # noqa: S311 - nothing is secret here
    plans = sorted((moment, script) for script in SCRIPTS for moment in _moments(script, now, dice))
    last = {script.name: moment for moment, script in plans}
    for moment, script in plans:
        is_last = moment == last[script.name]
        yield _run(script, moment, now, dice, is_last=is_last)


def _moments(script: Script, now: datetime, dice: random.Random) -> Iterator[datetime]:
    every = script.every
    moment = now.replace(minute=script.minute, second=0, microsecond=0) - timedelta(days=DAYS)
    if every >= timedelta(days=1):
        moment = moment.replace(hour=script.hour)
    # What has begun has ended by now, however long it took.
    longest = timedelta(seconds=240 + 4 * script.seconds * (1 + script.growth))
    while moment < now - longest:
        # Cron is punctual, schedulers of hosted machines are not.
        yield moment + timedelta(seconds=dice.uniform(0.4, 2 if every > timedelta(hours=3) else 40))
        moment += every


def _run(
    script: Script, began: datetime, now: datetime, dice: random.Random, *, is_last: bool
) -> Run:
    age = (now - began) / timedelta(days=DAYS)
    fate = _fate(script, now - began, dice, is_last=is_last)
    seconds = script.seconds * (1 + script.growth * (1 - age)) * dice.lognormvariate(0, 0.22)
    seconds = max(0.4, seconds * fate.length)
    run_id = id_at(began, dice)
    weekend = 0.45 if began.weekday() > 4 else 1.0  # noqa: PLR2004 - Friday
    fetched = int(script.records * weekend * dice.lognormvariate(0, 0.2) * fate.share)
    failed = max(1, int(fetched * dice.uniform(0.005, 0.03))) if fate.failures else 0
    entries = list(_entries(script, fate, run_id, began, seconds, fetched, failed, dice))
    is_good = fate.status == "success"
    inserted = int(fetched * dice.uniform(0.02, 0.12))
    calls = int(script.calls * weekend * dice.lognormvariate(0, 0.25)) if is_good else 0
    cost = Decimal(calls * dice.randint(270, 420)).scaleb(-4) if script.calls else None
    counts: list[int | None] = [None] * 4
    if script.records:
        moved = (inserted, fetched - inserted - failed, failed) if is_good else (None,) * 3
        counts = [fetched, *moved]
    own = _own_facts(script, fate, dice)
    row = (
        *(run_id, run_id, script.name, script.triggered_by),
        *(began, began + timedelta(seconds=seconds), int(seconds * 1000)),
        *(fate.status, fate.message_of(script)),
        *(*counts, calls if script.calls else None, cost, script.mode),
        Jsonb({"demo": "month", **script.parameters, "runlog": own}),
    )
    return Run(row, entries)


def _own_facts(script: Script, fate: Fate, dice: random.Random) -> dict[str, Any]:
    return {
        "host": dice.choice(_HOSTS),
        "pid": dice.randint(400, 32_000),
        "python": "3.12.7",
        "argv": [f"{script.name.replace('-', '_')}.py", "--mode", script.mode],
        "git_commit": f"{dice.getrandbits(160):040x}",
        "outcome": fate.outcome,
    }


def _fate(script: Script, ago: timedelta, dice: random.Random, *, is_last: bool) -> Fate:
    if is_last and script.last_fate:
        return FATES[script.last_fate]
    if script.bad_hours and ago < timedelta(hours=script.bad_hours):
        return FATES["failed"]
    thrown = dice.random()
    if thrown < script.failing:
        return FATES["crashed" if thrown < script.failing / 8 else "failed"]
    return FATES["partial" if thrown < script.failing + script.partial else "fine"]


def _entries(
    script: Script,
    fate: Fate,
    run_id: UUID,
    began: datetime,
    seconds: float,
    fetched: int,
    failed: int,
    dice: random.Random,
) -> Iterator[tuple[Any, ...]]:
    """Yield a run's entries: its steps share its time, and its fate ends them."""
    clock = began

    def entry(level: str, step: str, message: str, **meta: Any) -> tuple[Any, ...]:
        return (id_at(clock, dice), run_id, clock, level, step, message, Jsonb(meta))

    yield entry("INFO", "START", f"Starting {script.name}", mode=script.mode)
    total = sum(step.share for step in script.steps)
    wrong_left = min(failed, 40)
    for number, step in enumerate(script.steps):
        is_last_step = number == len(script.steps) - 1
        lines = max(1, round(step.lines * dice.uniform(0.7, 1.3)))
        if fate.status == "error" and is_last_step:
            lines = max(1, lines // 3)
        pause = seconds * step.share / total / lines
        for line in range(1, lines + 1):
            clock += timedelta(seconds=pause * dice.uniform(0.5, 1.4))
            count = fetched * line // lines
            level = dice.choices(("DEBUG", "INFO", "WARNING"), (3, 12, 0.25))[0]
            message = step.warning if level == "WARNING" else step.message
            yield entry(
                level, step.name, message.format(n=line, of=lines, count=count), count=count
            )
            if wrong_left and is_last_step and dice.random() < failed / lines:
                wrong_left -= 1
                item = f"{script.item}-{dice.randint(10_000, 99_999)}"
                told = f"{item} rejected: 422 Unprocessable Entity"
                yield entry(
                    "ERROR", step.name, told, item_id=item, status=422, error_type="Rejected"
                )
    clock = began + timedelta(seconds=seconds)
    if fate.status == "success":
        told = f"{script.name} completed successfully"
        yield entry("INFO", "END", told, fetched=fetched, failed=failed)
    elif fate.outcome == "failed":
        kind, text = script.error
        fields = {"error": text, "error_type": kind, "stack": script.stack()}
        yield entry("ERROR", "ERROR", f"{kind}: {text}", **fields)


def id_at(moment: datetime, dice: random.Random) -> UUID:
    """Return a UUIDv7 of that moment."""
    milliseconds = int(moment.timestamp() * 1000)
    value = (milliseconds << 80) | dice.getrandbits(80)
    return UUID(int=value & ~(0xF << 76) & ~(0b11 << 62) | (7 << 76) | (0b10 << 62))
