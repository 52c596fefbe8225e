"""What is typed nearly right: told with what would do, and never taken for something else."""

import os

import click
import pytest
from kit.rows import add_run

from runlog.cli import _database, cli

HUGE = "9" * 30


def commands(group, *path):
    """Yield each command of the command line, as it is called."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, *path, name)
        yield (*path, name), found


NEED = [
    path
    for path, command in commands(cli)
    if any(it.required for it in command.params if isinstance(it, click.Argument))
]


@pytest.mark.parametrize("path", NEED, ids=" ".join)
def test_what_is_needed_is_asked_for(runlog, path):
    """A command without the argument that its usage shows says so, and does nothing."""
    said = runlog(*path)
    assert said.code == 2
    assert "Missing argument" in said.err


@pytest.mark.parametrize("command", ["runs", "logs last", "errors", "logs"])
def test_more_than_there_is_shows_all(runlog, connection, command):
    """A limit beyond every number of the database is no error of the database."""
    add_run(connection)
    assert runlog(*command.split(), "-n", HUGE).code == 0


@pytest.mark.parametrize(
    "words",
    [
        *("flush --timeout 1e400", "flush --timeout nan"),
        *("prune --older-than 1d --max-seconds inf", "prune --older-than 1d --max-seconds nan"),
        *("exec --watch --watch-timeout inf true", "exec --watch --watch-timeout nan true"),
    ],
)
def test_a_time_without_end_is_refused(runlog, words):
    """No clock counts so far."""
    said = runlog(*words.split())
    assert said.code == 2
    assert "is not in the range" in said.err


@pytest.mark.parametrize("named", ["reprot", "reprot*"])
def test_a_monitor_of_nobody_is_not_green(runlog, connection, named):
    """``check`` of a script that is not there is no answer; a typing error would be green for ever."""
    add_run(connection, "report")
    said = runlog("check", named)
    assert said.code == 4
    assert f"there is no script {named!r}, did you mean 'report'?" in said.err
    said = runlog("check", named, "--nagios")
    assert said.code == 3
    assert said.out.startswith(f"RUNLOG UNKNOWN - there is no script {named!r}")
    assert runlog("check", "report").code == runlog("check", "re*").code == 0


@pytest.mark.parametrize("what", ["pause", "retire", "mute"])
def test_care_of_a_script_that_never_ran_is_told(runlog, connection, what):
    """It is done, for a script may come later; but who mistyped the name is to see it."""
    add_run(connection, "report")
    said = runlog("alerts", what, "reprot")
    assert said.code == 0
    assert "there is no run of 'reprot' yet, did you mean 'report'?" in said.err
    assert "no run" not in runlog("alerts", what, "report").err


@pytest.mark.parametrize(
    "command", ["exec --overlp skip -- true", "exec --scritp=x true", "run --scritp x sync.py"]
)
def test_a_misspelt_option_is_no_program(runlog, connection, command):
    """Nothing is run and nothing recorded: a job that ends like this each night would be its own run."""
    said = runlog(*command.split())
    assert said.code == 2
    assert "No such option" in said.err
    assert "Did you mean" in said.err
    assert connection.execute("select count(*) from runs").fetchone() == (0,)


def test_an_incident_is_not_called_a_run(runlog):
    """What cannot be an id is told in words that fit incidents too."""
    said = runlog("alerts", "ack", "nope")
    assert (said.code, said.err) == (
        2,
        "runlog: 'nope' cannot be the beginning of an id; use its first digits\n",
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--json runs", "No such option '--json' here; it stands after the command: runlog runs --json"),
        ("--since 1h errors", "No such option '--since' here; it stands after the command: runlog runs --since"),
        ("--max-age 1h check x", "it stands after the command: runlog check --max-age"),
        ("--jsno runs", "No such option '--jsno'"),
        ("help runns", "there is no command 'runns'; did you mean 'runs'?"),
        ("help alerts lst", "there is no command 'alerts lst'; did you mean 'list'?"),
    ],
)  # fmt: skip
def test_what_stands_in_the_wrong_place_is_told(runlog, words, told):
    """An option of a command before its name, and a command that is nearly one."""
    said = runlog(*words.split())
    assert said.code == 2
    assert told in said.err


def test_the_embedded_server_is_told_of_once(monkeypatch, capsys):
    """However often a command asks for its settings; the next command tells it again."""
    for name in [it for it in os.environ if it.startswith(("RUNLOG_", "PG", "DATABASE_URL"))]:
        monkeypatch.delenv(name)
    for _ in range(2):
        with click.Context(cli):
            assert _database.settings() == _database.settings()
        assert capsys.readouterr().err.count("using the embedded PostgreSQL") == 1
