"""``runlog doctor``: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import os

import click

from runlog._checks.examination import can_record, examine
from runlog._checks.finding import Finding
from runlog._process.visible import visible
from runlog._readable import plural
from runlog.cli._failures import NO_DATABASE
from runlog.cli.show.output import Output, page_options
from runlog.cli.show.table import Column, print_table

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "problem": "bold red"}


@click.command("doctor")
@page_options
@click.pass_context
def doctor_command(context: click.Context, *, output: Output) -> None:
    """Check settings, connection, schema, rights and spools; each finding with its remedy.

    Exit code 0 when all is well, 1 when something should be done, 3 when nothing can be recorded
    now because the database cannot be reached or has no tables.
    """
    findings = examine(os.environ)
    if output.is_for_people:
        print_table(_columns(), findings, on_terminal=output.on_terminal)
        bad = [finding for finding in findings if finding.is_bad]
        for finding in bad:
            found, remedy = visible(finding.found), visible(finding.remedy)
            click.echo(f"\n{finding.check}: {found}\n  -> {remedy}")
        click.echo(f"\n{plural(len(bad), 'thing')} to do" if bad else "\nall is well")
    else:
        output.rows(findings, Finding, [], empty="")
    context.exit(_exit_code(findings))


def _columns() -> list[Column]:
    return [
        Column("CHECK", lambda finding: finding.check),
        Column(
            "STATE", lambda finding: finding.state, style=lambda finding: _STYLES[finding.state]
        ),
        Column("FOUND", lambda finding: finding.found, is_flexible=True),
    ]


def _exit_code(findings: list[Finding]) -> int:
    if not can_record(findings):
        return NO_DATABASE
    return int(any(finding.is_bad for finding in findings))
