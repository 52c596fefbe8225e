"""``runlog alerts``: what is open, who watches, and what people do of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runlog._entry.redaction.redactor import Redactor
from runlog._process.visible import visible
from runlog.cli import _complete as complete
from runlog.cli._alert_changes import CHANGES, find_incident, open_care
from runlog.cli._database import connected, settings
from runlog.cli._failures import NotFoundError
from runlog.cli._options import SINCE
from runlog.cli.show.incidents import incident_columns, incident_lines, standing_lines
from runlog.cli.show.output import Output, output_options, page_options, record_of
from runlog.cli.show.table import Column

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from runlog.alerts import Channel, Config, Incident

_SENT = "sent"


class _Answer(NamedTuple):
    """What a channel answered to a test message."""

    channel: str
    end: str
    said: str


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config``."""
    return click.option(
        "--config", metavar="FILE", help="The file. Default: RUNLOG_CONFIG, else ./runlog.toml."
    )(function)


def find_channels(config: str | None) -> tuple[Config, list[Channel]]:
    """Return the file and the channels that it and the environment name."""
    from runlog.alerts import find_config, open_channels

    found = find_config(config, os.environ)
    return found, open_channels(found, os.environ)


@click.group("alerts", invoke_without_command=True)
@output_options
@click.pass_context
def alerts_command(context: click.Context, *, output: Output) -> None:
    """Show what is open and who watches; acknowledge, mute, pause, test."""
    if context.invoked_subcommand is None:
        _list(output)


for _command in CHANGES:
    alerts_command.add_command(_command)


@alerts_command.command("list")
@output_options
def list_command(*, output: Output) -> None:
    """List what is open, the worst first; then who watches, and whom they can tell."""
    _list(output)


def _list(output: Output) -> None:
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
@page_options
def show_command(incident: str, *, output: Output) -> None:
    """Show one incident, and to whom it was told. INCIDENT is the beginning of its id."""
    with open_care() as care:
        found = find_incident(care, incident)
        tellings = care.tellings(found.id)
    if output.is_for_people:
        for line in incident_lines(found, tellings, utc=output.utc):
            click.echo(line)
    elif output.format in {"json", "jsonl"}:
        told = [record_of(telling) for telling in tellings]
        output.document({"incident": record_of(found), "tellings": told})
    else:
        _print([found], output, empty="")


@alerts_command.command("rules")
@click.argument("script", required=False, shell_complete=complete.scripts)
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
@page_options
@click.pass_context
def test_command(
    context: click.Context,
    *,
    channel: str | None,
    script: str | None,
    config: str | None,
    output: Output,
) -> None:
    """Send a test message to each channel, and print what it answers."""
    from runlog.alerts import try_channels

    found, channels = find_channels(config)
    chosen = [each for each in channels if channel in {None, each.name, each.group}]
    if not chosen:
        known = ", ".join(each.name for each in channels)
        if not known:
            raise NotFoundError("there is no channel; RUNLOG_ALERT_URLS names whom to tell")
        raise NotFoundError(f"there is no channel {channel!r}; known are {known}")
    redact = Redactor().redact_text
    answers: list[_Answer] = []
    with connected() as connection:
        for trial in try_channels(connection, found, chosen, script=script, redact=redact):
            end, said = trial.outcome.end, redact(trial.outcome.said or "")
            answers.append(_Answer(trial.channel, end, said))
            if output.is_for_people:
                click.echo(visible(f"{trial.channel}: {end}" + (f": {said}" if said else "")))
    if not output.is_for_people:
        output.rows(answers, _Answer, [], empty="")
    context.exit(int(any(answer.end != _SENT for answer in answers)))


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
        is_something = False
        for line in lines:
            is_something = True
            click.echo(visible(line))
    if not is_something:
        click.echo("runlog: nothing to propose: no schedule can be seen there yet", err=True)


def _print(found: list[Incident], output: Output, *, empty: str) -> None:
    from runlog.alerts import Incident as Row

    output.rows(found, Row, incident_columns(utc=output.utc), empty=empty)


def _rule_columns() -> list[Column]:
    styles = {"bad": "red", "good": "green"}
    return [
        Column("SCRIPT", lambda row: row.script_name, is_name=True),
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
            lambda row: ", ".join(f"{k} {v}" for k, v in row.details.items() if v is not None),
            is_flexible=True,
        ),
    ]
