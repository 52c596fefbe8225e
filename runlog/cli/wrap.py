"""``runlog exec`` and ``runlog run``: programs and scripts with a run around them.

Both hand back what is to be done, and ``main`` does it after click: a script must not run inside
click's error handling, and the process ends as the program does.
"""

from __future__ import annotations

import difflib
import functools
import sys
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from runlog._run.overlap import Overlap
from runlog.cli._options import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable

_AS_IT_IS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def _expecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what is expected of the script, for ``expects``, and ``--watch``."""

    @click.option(
        "--schedule", metavar="CRON", help="When it is expected: '0 2 * * *', 'every 1h'."
    )
    @click.option("--grace", metavar="SPAN", help="How late it may start: 10m.")
    @click.option("--fresh", metavar="SPAN", help="How old its last success may be: 26h.")
    @click.option(
        "--watch", is_flag=True, help="Look when it has ended, and tell who wants to know."
    )
    @click.option(
        "--watch-timeout",
        type=Seconds(1, 1e6),
        default=20,
        metavar="SECONDS",
        help="The look takes no longer. Default: 20.",
    )
    @functools.wraps(function)
    def with_expectations(
        *,
        schedule: str | None,
        grace: str | None,
        fresh: str | None,
        watch: bool,
        watch_timeout: float,
        **arguments: Any,
    ) -> Any:
        given = {"schedule": schedule, "grace": grace, "fresh": fresh}
        expects = {name: value for name, value in given.items() if value is not None}
        if expects:
            from runlog._expectations import checked

            expects = checked(expects)
        action = function(expects=expects or None, **arguments)
        if not watch:
            return action
        from runlog._exec.watched import run_and_look, without_watch

        return functools.partial(run_and_look, without_watch(sys.argv[1:]), watch_timeout)

    return with_expectations


_Word = TypeVar("_Word", str, tuple[str, ...])


def _program(context: click.Context, _: click.Parameter, given: _Word) -> _Word:
    """Refuse an option that nobody knows where a program or script is expected.

    It would be run, fail, and the job with it: night after night, in a run of that name.
    """
    first = given if isinstance(given, str) else next(iter(given or ()), "")
    if len(first) > 1 and first.startswith("-") and not context.resilient_parsing:
        known = [name for parameter in context.command.params for name in parameter.opts]
        close = difflib.get_close_matches(first.partition("=")[0], known)
        raise click.NoSuchOption(first, possibilities=close, ctx=context)
    return given


@click.command("exec", context_settings=_AS_IT_IS)
@click.option("--script", "script_name", metavar="NAME", help="Default: the program's name.")
@click.option("--step", metavar="STEP", help="The step of lines that name none.")
@click.option(
    "--overlap",
    type=click.Choice(get_args(Overlap)),
    default="allow",
    help="What to do while another run of this name is alive. Default: allow.",
)
@click.option("--no-stdout", is_flag=True, help="Leave stdout alone: it is data, no log.")
@click.option("--no-stderr", is_flag=True, help="Leave stderr alone.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, callback=_program)
@_expecting
def exec_command(
    *,
    expects: dict[str, Any] | None,
    script_name: str | None,
    step: str | None,
    overlap: Overlap,
    no_stdout: bool,
    no_stderr: bool,
    command: tuple[str, ...],
) -> Callable[[], int]:
    """Run any program; its lines become the entries of a run.

    \b
    runlog exec -- pg_dump --file=/backup/db.dump shop
    runlog exec --script nightly-etl --overlap skip -- ./etl.sh --all

    What the program prints is passed on as it comes, signals too, and the exit code is its own.
    Understood in lines: [STEP] message, LEVEL: message, a time in front, JSON, Python tracebacks.
    Its output is a pipe, not a terminal.
    """  # noqa: D301 - click reads this mark
    from runlog._exec.execute import execute

    recorded = tuple(number for number, off in ((1, no_stdout), (2, no_stderr)) if not off)
    return functools.partial(
        execute,
        list(command),
        script_name=script_name,
        step=step,
        recorded=recorded,
        overlap=overlap,
        expects=expects,
    )


@click.command("run", context_settings=_AS_IT_IS)
@click.option("--script", "script_name", metavar="NAME", help="Default: the script's name.")
@click.option("-m", "is_module", is_flag=True, help="TARGET is a module, as after python -m.")
@click.argument("target", callback=_program)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_expecting
def run_command(
    *,
    expects: dict[str, Any] | None,
    script_name: str | None,
    is_module: bool,
    target: str,
    arguments: tuple[str, ...],
) -> Callable[[], None]:
    """Run a Python script or module with a run around it.

    \b
    runlog run sync.py --mode full
    runlog run -m shop.sync --mode full

    The script is not changed: its log records become entries, what it prints stays as it is, and it
    ends as it would without runlog.
    """  # noqa: D301 - click reads this mark
    from runlog._exec.script import run_script

    return functools.partial(
        run_script,
        target,
        list(arguments),
        is_module=is_module,
        script_name=script_name,
        expects=expects,
    )
