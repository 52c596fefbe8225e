"""Whether anybody watches, can tell somebody, and expects starts when they come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from runlog._checks.finding import Finding
from runlog._database.faults import NOT_SUPPORTED, sqlstate
from runlog._readable import ago
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog._database.driver import Connection


def examine_alerts(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    """Return what there is to know of watchers, channels and schedules."""
    try:
        yield from _examine(connection, schema)
    except RunlogError as error:
        if sqlstate(error.__cause__) != NOT_SUPPORTED:
            raise
        found = f"scripts in this cluster cannot be watched: {error}"
        yield Finding(check="watchers", state="note", found=found)


def _examine(connection: Connection[Any], schema: str) -> Iterator[Finding]:
    from runlog.alerts import Care, find_shifted

    care = Care(connection, schema)
    if not care.is_there():
        return
    yield _watching(care)
    yield from _channels()
    for script, hours in find_shifted(connection, schema, care.dues()):
        yield Finding(
            check="schedule",
            state="warning",
            found=f"{script!r} always starts {hours} h after it is due",
            remedy="is its time zone another one? Declare timezone beside schedule",
        )


def _watching(care: Any) -> Finding:
    from runlog.alerts import is_watched

    watchers = care.watchers()
    if not watchers:
        found = "nobody watches: a script that fails is told to nobody"
        return Finding(check="watchers", state="note", found=found)
    told = ", ".join(f"{row.name} {ago(row.evaluated_at, row.read_at)}" for row in watchers[:5])
    if is_watched(watchers):
        return Finding(check="watchers", state="ok", found=f"last looks: {told}")
    return Finding(
        check="watchers",
        state="warning",
        found=f"nobody watches any more; last looks: {told}",
        remedy='start one: "runlog watch --once" in a crontab; "runlog watch --forget NAME"',
    )


def _channels() -> Iterator[Finding]:
    from runlog.alerts import find_config, open_channels

    try:
        channels = open_channels(find_config(None, os.environ), os.environ)
    except RunlogError as error:
        yield Finding(
            check="channels", state="warning", found=str(error), remedy="correct the address"
        )
        return
    if channels:
        names = ", ".join(channel.name for channel in channels)
        yield Finding(
            check="channels", state="ok", found=f'{names}; "runlog alerts test" tries them'
        )
