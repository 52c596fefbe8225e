"""What people do of alerts: ``runlog alerts ack``, ``close``, ``mute``, ``pause``, ``retire``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from runlog import queries
from runlog._delivery.sweep import closer
from runlog._process.visible import visible
from runlog.cli import _complete as complete
from runlog.cli._database import connected, settings, similar
from runlog.cli._failures import NotFoundError
from runlog.cli._options import AGE, SINCE
from runlog.cli.show.output import Output, page_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta
    from uuid import UUID

    from runlog.alerts import Care, Incident


class _Done(NamedTuple):
    """What a person has just changed, for the machine formats."""

    did: str
    scripts: str
    rule: str
    by: str


@contextmanager
def open_care(scripts: str | None = None) -> Iterator[Care]:
    """Give access to the alerts of the database of the environment.

    Args:
        scripts: whose; where none of them has run, which may be a typing error, that is told.
    """
    from runlog.alerts import care

    with connected() as connection, care(connection, schema=settings().schema) as opened:
        yield opened
        if scripts and not queries.last_runs(connection, script=scripts, limit=1):
            told = f"there is no run of {scripts!r} yet{similar(connection, scripts)}"
            click.echo(f"runlog: {visible(told)}", err=True)


def find_incident(care: Care, prefix: str) -> Incident:
    """Return the incident whose id begins like this."""
    found = care.find(prefix)
    if not found:
        raise NotFoundError(f'there is no incident {prefix!r}; "runlog alerts" lists them')
    if len(found) > 1:
        shown = ", ".join(str(each.id) for each in found[:5])
        raise click.UsageError(f"{prefix!r} is the beginning of several: {shown}; give more of it")
    return found[0]


def _change(
    incident: str, output: Output, did: str, change: Callable[[Care], Callable[[UUID, str], bool]]
) -> None:
    with open_care() as care:
        found = find_incident(care, incident)
        if not change(care)(found.id, closer()):
            raise NotFoundError(f"incident {incident!r} is over")
    _tell(output, did, found.script_name, found.rule, f"{did}: {found.says}")


@click.command("ack")
@click.argument("incident")
@page_options
def ack_command(incident: str, *, output: Output) -> None:
    """Say that somebody is at it: no reminders; its end is told."""
    _change(incident, output, "acknowledged", lambda care: care.acknowledge)


@click.command("close")
@click.argument("incident")
@page_options
def close_command(incident: str, *, output: Output) -> None:
    """Say that it is over; it does not open again for the same occasion."""
    _change(incident, output, "closed", lambda care: care.close)


@click.command("mute")
@click.argument("scripts", shell_complete=complete.scripts)
@click.option("--rule", default="*", metavar="RULE", help="Only this rule. Default: all.")
@click.option("--for", "span", type=AGE, help="For so long: 2h.")
@click.option("--until", type=SINCE, metavar="MOMENT", help="Until then: 2026-01-31T18:00.")
@click.option("--reason", metavar="TEXT", help="Why; shown to others.")
@page_options
def mute_command(
    *,
    scripts: str,
    rule: str,
    span: timedelta | None,
    until: datetime | None,
    reason: str | None,
    output: Output,
) -> None:
    """Tell nobody of SCRIPTS (a name or a pattern) for a while.

    Incidents open and end all the same. What is open when the mute ends is told then, once.
    """
    with open_care(scripts) as care:
        care.mute(scripts, rule, span or until, reason=reason, who=closer())
    undo = f'"runlog alerts unmute {scripts}{_as_option(rule)}" takes it back'
    _tell(output, "muted", scripts, rule, f"muted: {scripts}; {undo}")


@click.command("unmute")
@click.argument("scripts", shell_complete=complete.scripts)
@click.option("--rule", default="*", metavar="RULE", help="As it was muted.")
@page_options
def unmute_command(*, scripts: str, rule: str, output: Output) -> None:
    """Tell of SCRIPTS again."""
    with open_care() as care:
        if not care.unmute(scripts, rule):
            raise NotFoundError(f"{scripts!r} is not muted (rule {rule!r})")
    _tell(output, "unmuted", scripts, rule, f"told of again: {scripts}")


@click.command("pause")
@click.argument("script", shell_complete=complete.scripts)
@click.option("--for", "span", type=AGE, help="For so long: 7d.")
@click.option("--until", type=SINCE, metavar="MOMENT", help="Until then. Default: resumed.")
@page_options
def pause_command(
    *, script: str, span: timedelta | None, until: datetime | None, output: Output
) -> None:
    """Expect nothing of SCRIPT: it is neither missed nor stale. Failures still count."""
    with open_care(script) as care:
        care.pause(script, span or until, closer())
    undo = f'"runlog alerts resume {script}" takes it back'
    _tell(output, "paused", script, "*", f"paused: {script}; {undo}")


@click.command("resume")
@click.argument("script", shell_complete=complete.scripts)
@page_options
def resume_command(script: str, *, output: Output) -> None:
    """Expect SCRIPT again, from now on; also one that was retired."""
    with open_care() as care:
        if not care.resume(script, closer()):
            raise NotFoundError(f"{script!r} is neither paused nor retired")
    _tell(output, "resumed", script, "*", f"expected again: {script}")


@click.command("retire")
@click.argument("script", shell_complete=complete.scripts)
@page_options
def retire_command(script: str, *, output: Output) -> None:
    """Say that SCRIPT is gone: nothing is expected of it any more, and what is open is over."""
    with open_care(script) as care:
        care.retire(script, closer())
    undo = f'"runlog alerts resume {script}" takes it back'
    _tell(output, "retired", script, "*", f"retired: {script}; {undo}")


def _tell(output: Output, did: str, scripts: str, rule: str, sentence: str) -> None:
    output.done([_Done(did, scripts, rule, closer())], _Done, visible(sentence))


def _as_option(rule: str) -> str:
    return "" if rule == "*" else f" --rule {rule}"


CHANGES: Final = (
    ack_command,
    close_command,
    mute_command,
    unmute_command,
    pause_command,
    resume_command,
    retire_command,
)
