"""The command line: ``runlog COMMAND``. Each command parses, makes one call and prints.

Only this table is read for ``runlog --help``; a command's module is imported when it is called, so
that the command line answers at once. Exit codes: 0, 1 (the asked check found something), 2 usage,
3 the database cannot be reached or is not migrated, 4 not found, 130 interrupted.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any

import click

from runlog.cli._everywhere import decorated, everywhere

_COMMANDS: dict[str, tuple[str, str]] = {
    "runs": ("reading", "List runs, newest first."),
    "show": ("reading", "Show one run: its row, its steps and their durations."),
    "logs": ("entries", "Print the entries of a run; -f follows it live."),
    "tail": ("entries", "Follow the entries of all scripts, or of one."),
    "errors": ("insight", "Group errors: how often, where, since when."),
    "scripts": ("insight", "One line a script: last state, success rate, durations."),
    "stats": ("insight", "Runs, durations and records over time."),
    "batch": ("insight", "List the runs of a batch."),
    "cursor": ("lifecycle", "Show or set where the next incremental sync begins."),
    "reap": ("lifecycle", "Close runs whose process is gone."),
    "close": ("lifecycle", "Close one run by hand."),
    "flush": ("flush", "Deliver what waits in spools of processes that are gone."),
    "spool": ("spool", "Show what waits on this machine, and dead letters."),
    "watch": ("watch", "Look whether all scripts do well, and tell who wants to know."),
    "check": ("check", "Say what is bad right now, by exit code; remembers nothing."),
    "alerts": ("alerts", "Show what is open and who watches; mute, pause, test, propose."),
    "migrate": ("schema", "Create or complete the tables; says what it did."),
    "prune": ("retention", "Delete old entries and runs, in small batches."),
    "dashboard": ("dashboard", "Serve the history in a browser: what runs, what failed, live."),
    "doctor": ("doctor", "Check settings, connection, schema, rights and spools."),
    "demo": ("demo", "Run a real sync twice and show its runs as they stand in the database."),
    "embedded": ("embedded", "Start, stop or look at the embedded PostgreSQL."),
    "exec": ("wrap", "Run any program; its lines become the entries of a run."),
    "run": ("wrap", "Run a Python script or module with a run around it."),
    "completion": ("completion", "Print the completion script for a shell."),
    "help": ("_help", "Explain a command, as --help does."),
}
"""Command → the module in this package that has a function ``<command>_command``, and its help."""

_GROUPS: dict[str, tuple[str, ...]] = {
    "Ask": (
        *("runs", "show", "logs", "tail", "errors", "scripts", "stats", "batch"),
        *("dashboard", "check", "doctor"),
    ),
    "Run": ("exec", "run", "demo", "watch"),
    "Care for": (
        *("migrate", "prune", "flush", "spool", "cursor", "reap", "close", "alerts"),
        *("embedded", "completion", "help"),
    ),
}
"""What ``--help`` shows under which word."""


class _Commands(click.Group):
    """The table above as a click group."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name, (module, _) in _COMMANDS.items() if _exists(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f".{_COMMANDS[cmd_name][0]}", __name__)
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return everywhere(command)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = (name for name in self.list_commands(ctx) if self._takes(ctx, name, error))
            if (name := next(known, None)) is None:
                raise
            told = f"it stands after the command: runlog {name} {error.option_name}"
            raise click.UsageError(
                f"No such option {error.option_name!r} here; {told}", ctx
            ) from None

    def _takes(self, ctx: click.Context, name: str, error: click.NoSuchOption) -> bool:
        command = self.get_command(ctx, name)
        return command is not None and any(
            error.option_name in parameter.opts for parameter in command.params
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        known = self.list_commands(ctx)
        for title, names in _GROUPS.items():
            # click cannot write a list of nothing.
            if rows := [(name, _COMMANDS[name][1]) for name in names if name in known]:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None


def _exists(module: str) -> bool:
    return os.path.exists(os.path.join(os.path.dirname(__file__), f"{module}.py"))  # noqa: PTH110, PTH118, PTH120 - pathlib takes longer to import


def _tell_version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if not is_asked:
        return
    from runlog._process.distribution import version

    click.echo(f"runlog {version()}")
    context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
@decorated
def cli() -> None:
    """The history of every job you run, in two PostgreSQL tables.

    \b
    Which script failed last night, and why?   runlog errors --since 24h
    How is each script doing?                  runlog scripts
    What happened in the last run?             runlog show last
    Every entry of it?                         runlog logs last
    What is going on right now?                runlog tail
    Nothing there yet?                         runlog demo

    The database is the one of RUNLOG_DSN, DATABASE_URL or libpq's variables, else the embedded one.
    A password belongs into one of these or into ~/.pgpass, not on the command line.
    """  # noqa: D301 - click reads this mark


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    from runlog.cli._failures import exit_code_of

    _print_what_can_be_printed()
    try:
        code = cli.main(_arguments(), standalone_mode=False)
        # What does not fit on the disk is told here, and not by the interpreter on its way out.
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException as error:
        sys.exit(exit_code_of(error))
    if callable(code):
        # Out of reach of the lines above: a script that is run here ends the process itself.
        code = code()
    sys.exit(code if isinstance(code, int) else 0)


def _arguments() -> list[str]:
    """Return the arguments as the UTF-8 that people type, whatever the locale makes of them.

    Where it knows ASCII only, Python hands on what it cannot read as half characters, which no
    database takes. What another program shall get stays as it is.
    """
    given = sys.argv[1:]
    if not {"exec", "run"}.isdisjoint(given):
        return given
    return [os.fsencode(it).decode("utf-8", "backslashreplace") for it in given]


def _print_what_can_be_printed() -> None:
    """Have the streams replace what their encoding does not know, whatever a script has logged."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
