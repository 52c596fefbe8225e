"""``runlog doctor``: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import os

import click

from runlog._process.visible import visible
from runlog._settings import resolve, variable
from runlog.cli._failures import NO_DATABASE
from runlog.cli.checks.finding import Finding
from runlog.cli.checks.machine import (
    examine_address,
    examine_embedded,
    examine_spools,
    examine_variables,
)
from runlog.cli.show.output import Output, page_options
from runlog.cli.show.table import Column, print_table

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "problem": "bold red"}
_UNUSABLE = frozenset({"address", "embedded server", "connection", "schema"})


@click.command("doctor")
@page_options
@click.pass_context
def doctor_command(context: click.Context, *, output: Output) -> None:
    """Check settings, connection, schema, rights and spools; each finding with its remedy.

    Exit code 0 when all is well, 1 when something should be done, 3 when nothing can be recorded
    now because the database cannot be reached or has no tables.
    """
    findings = list(examine_variables(os.environ))
    for finding in findings:
        if finding.state == "problem":
            # Told above; from here on its default holds.
            os.environ.pop(variable(finding.check), None)
    chosen = resolve()
    findings += [examine_address(chosen, os.environ), *examine_embedded(chosen)]
    if not any(it.state == "problem" and it.check in _UNUSABLE for it in findings):
        from runlog.cli.checks.database import examine_database

        findings += examine_database(chosen)
    findings += examine_spools(chosen, os.environ)
    if output.is_for_people:
        print_table(_columns(), findings, on_terminal=output.on_terminal)
        bad = [finding for finding in findings if finding.is_bad]
        for finding in bad:
            found, remedy = visible(finding.found), visible(finding.remedy)
            click.echo(f"\n{finding.check}: {found}\n  -> {remedy}")
        click.echo(f"\n{len(bad)} things to do" if bad else "\nall is well")
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
    if any(it.state == "problem" and it.check in _UNUSABLE for it in findings):
        return NO_DATABASE
    return int(any(finding.is_bad for finding in findings))
