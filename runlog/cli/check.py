"""``runlog check``: is all well right now? Remembers nothing, writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runlog._process.visible import visible
from runlog._readable import moment, plural
from runlog.cli import _complete as complete
from runlog.cli._database import connected, missing, settings
from runlog.cli._options import AGE
from runlog.cli.alerts import config_option
from runlog.cli.show.output import Output, page_options
from runlog.cli.show.table import STATE_STYLES, Column

if TYPE_CHECKING:
    from datetime import timedelta

    from runlog.alerts import Checked

_OK, _WARNING, _CRITICAL, _UNKNOWN = range(4)
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


@click.command("check")
@click.argument("script", required=False, shell_complete=complete.scripts)
@click.option("--max-age", type=AGE, help="SCRIPT must have succeeded within this: 26h.")
@click.option("--nagios", is_flag=True, help="One line and exit code as Nagios wants them.")
@config_option
@page_options
@click.pass_context
def check_command(
    context: click.Context,
    *,
    script: str | None,
    max_age: timedelta | None,
    nagios: bool,
    config: str | None,
    output: Output,
) -> None:
    """Say what is bad right now: for monitors, by exit code, and for people.

    Needs the two documented tables and the right to read them, nothing else; no watcher.

    \b
    runlog check                                  all scripts, all rules
    runlog check nightly-report --max-age 26h     did it succeed lately?

    Exit codes: 0 all is well, 1 something is bad, 3 no answer, 4 no such script. With --nagios: 0
    OK, 1 warning, 2 critical, 3 unknown.
    """  # noqa: D301 - click reads this mark
    if max_age is not None and script is None:
        raise click.UsageError("--max-age is of one script: runlog check SCRIPT --max-age 26h")
    try:
        found = _checked(script, max_age, config)
    except Exception as error:
        if not nagios:
            raise
        # A monitor wants one line, whatever happened.
        click.echo(f"RUNLOG UNKNOWN - {visible(_first_line(error))}")
        context.exit(_UNKNOWN)
    for fault in found.faults:
        click.echo(f"runlog: {visible(fault)}", err=True)
    if nagios:
        context.exit(_as_nagios(found))
    if not (output.is_for_people and not found.bad):
        output.rows(found.bad, _bad_type(), _columns(utc=output.utc), empty="all is well")
    else:
        click.echo(f"all is well: {plural(found.scripts, 'script')}")
    context.exit(int(bool(found.bad)))


def _checked(script: str | None, max_age: timedelta | None, config: str | None) -> Checked:
    import os

    from runlog._database.reading import translated
    from runlog.alerts import check, find_config

    chosen = settings()
    read = find_config(config, os.environ)
    with connected() as connection, translated(chosen.dsn, chosen.schema):
        found = check(connection, chosen.schema, read, script=script, max_age=max_age)
        if script is not None and not found.scripts and not found.bad:
            # Nobody is well: a typing error must not keep a monitor green.
            raise missing(connection, f"there is no script {script!r}", script)
    return found


def _first_line(error: Exception) -> str:
    import os

    from runlog._database import dsn as addresses

    named = os.environ.get("RUNLOG_DSN") or os.environ.get("DATABASE_URL") or ""
    return addresses.without_password(str(error).strip(), named, os.environ).splitlines()[0]


def _as_nagios(found: Checked) -> int:
    code = _OK
    if found.bad:
        code = _CRITICAL if any(each.severity == "error" for each in found.bad) else _WARNING
    said = "; ".join(each.says for each in found.bad) or plural(
        found.scripts, "script is well", "scripts are well"
    )
    # "|" begins the figures.
    text = visible(said).replace("|", "/")
    figures = f"scripts={found.scripts} bad={len(found.bad)}"
    click.echo(f"RUNLOG {_WORDS[code]} - {text} | {figures}")
    return code


def _bad_type() -> type[Any]:
    from runlog.alerts import Bad

    return Bad


def _columns(*, utc: bool) -> list[Column]:
    return [
        Column(
            "SEVERITY",
            lambda bad: bad.severity,
            style=lambda bad: STATE_STYLES.get(bad.severity, "yellow"),
        ),
        Column("SCRIPT", lambda bad: bad.script_name, is_name=True),
        Column("RULE", lambda bad: bad.rule),
        Column("SINCE", lambda bad: moment(bad.began_at, utc=utc), is_optional=True),
        Column(
            "SAYS",
            lambda bad: bad.says if bad.error is None else f"{bad.says}: {bad.error}",
            is_flexible=True,
        ),
    ]
