"""Help and completion come without database, and without what makes them slow."""

import json
import subprocess
import sys

import click
import pytest

from runlog.cli import _COMMANDS, cli

HEAVY = ("psycopg", "rich", "structlog", "orjson", "uvicorn", "starlette")


@pytest.fixture
def imported(shell_env):
    """Which heavy modules a command line imports."""

    def call(*args):
        code = (
            "import sys, json, runlog.cli\n"
            f"sys.argv[1:] = {list(args)!r}\n"
            "try: runlog.cli.main()\n"
            f"finally: print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]), file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=shell_env, capture_output=True, check=True, timeout=60
        )
        return json.loads(done.stderr.splitlines()[-1])

    return call


def test_help_lists_every_command_and_imports_nothing_heavy(imported, runlog):
    """``runlog --help`` needs click alone, and names every command with what it does."""
    assert imported("--help") == []
    said = runlog("--help")
    assert (said.code, said.err) == (0, "")
    for name in _COMMANDS:
        assert f"\n  {name} " in said.out


@pytest.mark.parametrize(
    "args", [["runs", "--help"], ["completion", "bash"], ["spool"], ["--version"]]
)
def test_commands_without_database_import_no_driver(imported, args):
    """What needs no database does not pay for the driver, nor for tables."""
    assert not {"psycopg", "rich"} & set(imported(*args))


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_has_help(runlog, name):
    """Each command explains itself and its options."""
    said = runlog(name, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: runlog {name}")
    assert cli.get_command(None, name).help


# They hand on what another program says, serve, or print a text that is a file.
NO_ROWS = {"completion", "dashboard", "demo", "exec", "help", "run", "alerts propose"}


def leaves(group, *path):
    """Every command and subcommand, with its words."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join((*path, name)), command


def test_every_command_that_tells_something_tells_it_to_programs():
    """``--json`` and ``--csv`` are everywhere but where there is nothing to be told in rows."""
    without = {
        words
        for words, command in leaves(cli)
        if not {"--json", "--csv"} <= {name for it in command.params for name in it.opts}
    }
    assert without == NO_ROWS


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_scripts(runlog, shell_name):
    """The script for a shell completes ``runlog``."""
    said = runlog("completion", shell_name)
    assert said.code == 0
    assert "_RUNLOG_COMPLETE" in said.out


def test_completion_answers(shell_env):
    """Asked by a shell, the program completes commands and options."""

    def complete(words, position):
        env = {**shell_env, "_RUNLOG_COMPLETE": "bash_complete", "COMP_WORDS": words,
               "COMP_CWORD": str(position)}  # fmt: skip
        code = "import sys; sys.argv[0] = 'runlog'; from runlog.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=False, timeout=60
        )
        return done.stdout.decode().split()

    assert complete("runlog er", 1) == ["plain,errors"]
    assert "plain,--since" in complete("runlog errors --s", 2)


def test_version(runlog):
    """The version is that of the distribution, as ``runlog.__version__`` is."""
    from runlog import __version__

    said = runlog("--version")
    assert (said.code, said.out) == (0, f"runlog {__version__}\n")
