"""``runlog exec`` and ``runlog run``: programs and scripts with a run around them.

Both hand back what is to be done, and ``main`` does it after click: a script must not run inside
click's error handling, and the process ends as the program does.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, get_args

import click

from runlog._run.overlap import Overlap

if TYPE_CHECKING:
    from collections.abc import Callable

_AS_IT_IS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


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
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_command(
    *,
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
    )


@click.command("run", context_settings=_AS_IT_IS)
@click.option("--script", "script_name", metavar="NAME", help="Default: the script's name.")
@click.option("-m", "is_module", is_flag=True, help="TARGET is a module, as after python -m.")
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run_command(
    *, script_name: str | None, is_module: bool, target: str, arguments: tuple[str, ...]
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
        run_script, target, list(arguments), is_module=is_module, script_name=script_name
    )
