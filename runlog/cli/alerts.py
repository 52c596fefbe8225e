"""``runlog alerts``: what is open, who watches, and what people do of it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from runlog._delivery.sweep import closer
from runlog._entry.redaction.redactor import Redactor
from runlog._process.visible import visible
from runlog.cli._database import connected, settings
from runlog.cli._failures import NotFoundError
from runlog.cli._options import AGE, SINCE
from runlog.cli.show.incidents import incident_columns, incident_lines, standing_lines
from runlog.cli.show.output import Output, output_options
from runlog.cli.show.table import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from runlog.alerts import Care, Channel, Config, Incident

_SENT = "sent"


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config``."""
    return click.option(
        "--config", metavar="FILE", help="The file. Default: RUNLOG_CONFIG, else ./runlog.toml."
    )(function)


@contextmanager
def open_care() -> Iterator[Care]:
    """Give access to the alerts of the database of the environment."""
    from runlog.alerts import care

    with connected() as connection, care(connection, schema=settings().schema) as opened:
        yield opened


def find_channels(config: str | None) -> tuple[Config, list[Channel]]:
    """Return the file and the channels that it and the environment name."""
    from runlog.alerts import find_config, open_channels

    found = find_config(config, os.environ)
    return found, open_channels(found, os.environ)


@click.group("alerts", invoke_without_command=True)
@click.pass_context
def alerts_command(context: click.Context) -> None:
    """Show what is open and who watches; acknowledge, mute, pause, test."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@alerts_command.command("list")
@output_options
def list_command(*, output: Output) -> None:
    """List what is open, the worst first; then who watches, and whom they can tell."""
    with open_care() as care:
        found = care.open_incidents()
        _print(found, output, empty="nothing is open")
        if output.is_for_people:
            for line in standing_lines(care, utc=output.utc):
                click.echo(line)


@alerts_command.command("history")
@click.option("--since", type=SINCE, default="30d", help="Opened since. Default: 30d.")
@click.option("--script", metavar="NAME", help="Only of this script.")
@output_options
def history_command(*, since: datetime | timedelta, script: str | None, output: Output) -> None:
    """List what was open lately, also what healed before anybody was told."""
    with open_care() as care:
        _print(care.history(since, script), output, empty="nothing was open")


@alerts_command.command("show")
@click.argument("incident")
@output_options
def show_command(incident: str, *, output: Output) -> None:
    """Show one incident, and to whom it was told. INCIDENT is the beginning of its id."""
    with open_care() as care:
        found = _find(care, incident)
        if output.is_for_people:
            for line in incident_lines(found, care.tellings(found.id), utc=output.utc):
                click.echo(line)
        else:
            _print([found], output, empty="")


@alerts_command.command("ack")
@click.argument("incident")
def ack_command(incident: str) -> None:
    """Say that somebody is at it: no reminders; its end is told."""
    with open_care() as care:
        found = _find(care, incident)
        if not care.acknowledge(found.id, closer()):
            raise NotFoundError(f"incident {incident!r} is over")
        click.echo(visible(f"acknowledged: {found.says}"))


@alerts_command.command("close")
@click.argument("incident")
def close_command(incident: str) -> None:
    """Say that it is over; it does not open again for the same occasion."""
    with open_care() as care:
        found = _find(care, incident)
        if not care.close(found.id, closer()):
            raise NotFoundError(f"incident {incident!r} is over")
        click.echo(visible(f"closed: {found.says}"))


@alerts_command.command("mute")
@click.argument("scripts")
@click.option("--rule", default="*", metavar="RULE", help="Only this rule. Default: all.")
@click.option("--for", "span", type=AGE, help="For so long: 2h.")
@click.option("--until", type=SINCE, metavar="MOMENT", help="Until then: 2026-01-31T18:00.")
@click.option("--reason", metavar="TEXT", help="Why; shown to others.")
def mute_command(
    *,
    scripts: str,
    rule: str,
    span: timedelta | None,
    until: datetime | None,
    reason: str | None,
) -> None:
    """Tell nobody of SCRIPTS (a name or a pattern) for a while.

    Incidents open and end all the same. What is open when the mute ends is told then, once.
    """
    with open_care() as care:
        care.mute(scripts, rule, span or until, reason=reason, who=closer())
    click.echo(visible(f'muted: {scripts}; "runlog alerts unmute {scripts}" takes it back'))


@alerts_command.command("unmute")
@click.argument("scripts")
@click.option("--rule", default="*", metavar="RULE", help="As it was muted.")
def unmute_command(*, scripts: str, rule: str) -> None:
    """Tell of SCRIPTS again."""
    with open_care() as care:
        if not care.unmute(scripts, rule):
            raise NotFoundError(f"{scripts!r} is not muted (rule {rule!r})")


@alerts_command.command("pause")
@click.argument("script")
@click.option("--for", "span", type=AGE, help="For so long: 7d.")
@click.option("--until", type=SINCE, metavar="MOMENT", help="Until then. Default: resumed.")
def pause_command(*, script: str, span: timedelta | None, until: datetime | None) -> None:
    """Expect nothing of SCRIPT: it is neither missed nor stale. Failures still count."""
    with open_care() as care:
        care.pause(script, span or until, closer())


@alerts_command.command("resume")
@click.argument("script")
def resume_command(script: str) -> None:
    """Expect SCRIPT again, from now on; also one that was retired."""
    with open_care() as care:
        if not care.resume(script, closer()):
            raise NotFoundError(f"{script!r} is neither paused nor retired")


@alerts_command.command("retire")
@click.argument("script")
def retire_command(script: str) -> None:
    """Say that SCRIPT is gone: nothing is expected of it any more, and what is open is over."""
    with open_care() as care:
        care.retire(script, closer())


@alerts_command.command("rules")
@click.argument("script", required=False)
@config_option
@output_options
def rules_command(script: str | None, *, config: str | None, output: Output) -> None:
    """List the rules of SCRIPT or of all: values, where they come from, how each stands and why."""
    from runlog.alerts import RuleState, explain, find_config

    read = find_config(config, os.environ)
    with connected() as connection:
        rows = explain(connection, settings().schema, read, script)
    if script is not None and not rows:
        raise NotFoundError(f"there is no run of a script {script!r}, and no file names it")
    output.rows(rows, RuleState, _rule_columns(), empty="no scripts yet")


@alerts_command.command("test")
@click.option("--channel", metavar="NAME", help="Only this one.")
@click.option("--script", metavar="NAME", help="With the newest run of this script.")
@config_option
@click.pass_context
def test_command(
    context: click.Context, *, channel: str | None, script: str | None, config: str | None
) -> None:
    """Send a test message to each channel, and print what it answers."""
    from runlog.alerts import try_channels

    found, channels = find_channels(config)
    chosen = [each for each in channels if channel in {None, each.name, each.group}]
    if not chosen:
        known = ", ".join(each.name for each in channels) or "none; set RUNLOG_ALERT_URLS"
        raise NotFoundError(f"there is no channel {channel!r}; known are {known}")
    redact = Redactor().redact_text
    is_bad = False
    with connected() as connection:
        for trial in try_channels(connection, found, chosen, script=script, redact=redact):
            said = redact(f": {trial.outcome.said}") if trial.outcome.said else ""
            click.echo(visible(f"{trial.channel}: {trial.outcome.end}{said}"))
            is_bad |= trial.outcome.end != _SENT
    context.exit(int(is_bad))


@alerts_command.command("propose")
@click.option("--crontab", metavar="FILE", help="Read this crontab; - is stdin.")
@click.option("--system", is_flag=True, help="It has a column for the user, as /etc/cron.d has.")
@click.option("--workflows", metavar="DIR", help="Read GitHub workflows in this folder.")
@click.option("--script", metavar="NAME", help="Only from the history of this script.")
def propose_command(
    *, crontab: str | None, system: bool, workflows: str | None, script: str | None
) -> None:
    """Propose schedules for runlog.toml: from a crontab, from workflows, or from the history.

    Prints what can be put into the file; nothing is active by itself.
    """
    from runlog._exec.execute import name_of
    from runlog.alerts import propose

    with connected() as connection:
        lines = propose(
            connection,
            settings().schema,
            name_of=name_of,
            crontab=crontab,
            is_system=system,
            workflows=workflows,
            script=script,
        )
        for line in lines:
            click.echo(visible(line))


def _find(care: Care, prefix: str) -> Incident:
    found = care.find(prefix)
    if not found:
        raise NotFoundError(f'there is no incident {prefix!r}; "runlog alerts" lists them')
    if len(found) > 1:
        shown = ", ".join(str(each.id) for each in found[:5])
        raise click.UsageError(f"{prefix!r} is the beginning of several: {shown}; give more of it")
    return found[0]


def _print(found: list[Incident], output: Output, *, empty: str) -> None:
    from runlog.alerts import Incident as Row

    output.rows(found, Row, incident_columns(utc=output.utc), empty=empty)


def _rule_columns() -> list[Column]:
    styles = {"bad": "red", "good": "green"}
    return [
        Column("SCRIPT", lambda row: row.script_name),
        Column("RULE", lambda row: row.rule),
        Column("STATE", lambda row: row.state, style=lambda row: styles.get(row.state, "dim")),
        Column("SEVERITY", lambda row: row.severity, is_optional=True),
        Column(
            "LIMIT", lambda row: "" if row.threshold is None else f"{row.threshold:g}", right=True
        ),
        Column("AFTER", lambda row: row.after, right=True, is_optional=True),
        Column("FROM", lambda row: row.origin),
        Column(
            "WHY",
            lambda row: ", ".join(f"{k} {v}" for k, v in row.details.items()),
            is_flexible=True,
        ),
    ]
