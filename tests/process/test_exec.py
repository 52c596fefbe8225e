"""``runlog exec``: real programs, their output, their end, and what the tables say of them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from kit.asking import add_run
from kit.waiting import eventually

from runlog._entry.fingerprint import fingerprint_of

PYTHON = sys.executable


def shell(source):
    return "sh", "-c", source


def test_lines_become_entries(run_program, stored_runs, stored_lines):
    """Level, step and meta are what the line says; stderr is marked; output is passed on apart."""
    source = """
echo "[FETCH] Fetched 150"
echo "WARNING: slow" >&2
echo '{"msg": "loaded", "level": "error", "step": "LOAD", "n": 3}'
echo plain
"""
    code, stdout, stderr = run_program(
        *shell(source), options=("--script", "job", "--step", "WORK")
    )
    assert (code, stderr) == (0, b"WARNING: slow\n")
    assert stdout == (
        b'[FETCH] Fetched 150\n{"msg": "loaded", "level": "error", "step": "LOAD", "n": 3}\nplain\n'
    )
    assert sorted(stored_lines()) == [
        ("ERROR", "LOAD", "loaded", {"n": 3, "error_fingerprint": fingerprint_of(None, "loaded")}),
        ("INFO", "FETCH", "Fetched 150", {}),
        ("INFO", "WORK", "plain", {}),
        ("WARNING", "WORK", "slow", {"stream": "stderr"}),
    ]
    assert stored_runs() == [("job", "success", None, "finished")]


def test_the_order_within_a_stream_is_kept(run_program, stored_lines):
    """A hundred thousand lines: each once, in order, and printed as they were."""
    code, stdout, _ = run_program("seq", "1", "100000")
    assert code == 0
    assert stdout == b"".join(b"%d\n" % number for number in range(1, 100_001))
    assert [message for _, _, message, _ in stored_lines()] == stdout.decode().split()


def test_a_traceback_is_one_entry(run_program, stored_runs, stored_lines):
    """With its stack; and it is the reason that the row gives."""
    code, _, stderr = run_program(PYTHON, "-c", "import os\nint('x')")
    assert code == 1
    reason = "ValueError: invalid literal for int() with base 10: 'x'"
    ((level, _, message, meta),) = stored_lines()
    assert (level, message) == ("ERROR", reason)
    assert meta["stack"] == stderr.decode().rstrip("\n")
    assert (meta["error_type"], meta["stream"]) == ("ValueError", "stderr")
    assert stored_runs() == [(Path(PYTHON).stem, "error", reason, "failed")]


@pytest.mark.parametrize(
    ("source", "code", "message", "outcome"),
    [
        ("exit 0", 0, None, "finished"),
        ("exit 3", 3, "exit code 3", "exited"),
        ("echo first >&2; echo last >&2; exit 3", 3, "exit code 3: last", "exited"),
        ("exit 255", 255, "exit code 255", "exited"),
        ("kill -TERM $$", -15, "terminated by SIGTERM", "terminated"),
        ("kill -HUP $$", -1, "terminated by SIGHUP", "terminated"),
        ("kill -INT $$", -2, "interrupted by SIGINT", "interrupted"),
        ("kill -KILL $$", -9, "killed by SIGKILL", "killed"),
        ("kill -SEGV $$", -11, "killed by SIGSEGV", "killed"),
        ("kill -PIPE $$", -13, "killed by SIGPIPE", "killed"),
    ],
)
def test_the_end_is_the_programs_own(run_program, stored_runs, source, code, message, outcome):
    """Its exit code, or death by the same signal; and the row says it."""
    assert run_program(*shell(source))[0] == code
    status = "error" if message else "success"
    assert stored_runs() == [("sh", status, message, outcome)]


@pytest.mark.parametrize(
    ("program", "code", "message"),
    [
        ("/no/such/program", 127, "'/no/such/program': command not found"),
        ("no-such-program", 127, "'no-such-program': command not found"),
        ("/", 126, "'/' cannot be run: Permission denied"),
    ],
)
def test_a_program_that_cannot_be_started(run_program, stored_runs, program, code, message):
    """The exit codes are a shell's, and the run is there, failed."""
    assert run_program(program, options=("--script", "job")) == (
        code,
        b"",
        f"runlog: {message}\n".encode(),
    )
    assert stored_runs() == [("job", "error", message, "failed")]


def test_a_script_without_an_interpreter_line(run_program, commands, stored_lines):
    """As a shell does, ``sh`` runs it."""
    path = commands.write("job", "echo $1 $0\n")
    path.chmod(0o755)
    code, stdout, _ = run_program(path, "arg")
    assert (code, stdout) == (0, f"arg {path}\n".encode())


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["true"], "true"),
        (["/bin/true", "x"], "true"),
        (["sh", "-e", "nightly.sh"], "nightly"),
        ([PYTHON, "-u", "etl.py", "--all"], "etl"),
        ([PYTHON, "-m", "platform"], "platform"),
        ([PYTHON, "-V"], Path(PYTHON).stem),
    ],
)
def test_what_the_run_is_called(run_program, commands, stored_runs, words, name):
    """After the program, or after the script that an interpreter is given."""
    commands.write("nightly.sh", "true\n")
    commands.write("etl.py", "")
    assert run_program(*words)[0] == 0
    assert stored_runs()[0][0] == name


def test_the_output_is_passed_on_byte_for_byte(run_program, stored_lines):
    """NUL, broken UTF-8, carriage returns, and no newline at the end."""
    raw = b"a\0b\n\xff\xfe\n10%\r50%\r100%\r\n\x1b[31mred\x1b[0m\r\nlast"
    octal = "".join(f"\\{byte:03o}" for byte in raw)
    code, stdout, _ = run_program("printf", octal)
    assert (code, stdout) == (0, raw)
    stored = [message for _, _, message, _ in stored_lines()]
    assert stored[1:] == ["\\xff\\xfe", "100%", "red", "last"]
    assert stored[0].startswith("a")


def test_a_line_without_end(run_program, stored_lines):
    """A megabyte without a newline is passed on, and becomes several entries with all of it."""
    code, stdout, _ = run_program(*shell("head -c 1000000 /dev/zero | tr '\\0' x"))
    assert (code, stdout) == (0, b"x" * 1_000_000)
    stored = [message for _, _, message, _ in stored_lines()]
    assert "".join(stored) == "x" * 1_000_000
    assert len(stored) > 1


def test_lines_are_printed_as_they_come(start_program):
    """What the program has written is there before it goes on."""
    process = start_program(*shell("echo one; read answer; echo $answer"), stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"one\n"
    stdout, _ = process.communicate(b"two\n", timeout=30)
    assert stdout == b"two\n"


@pytest.mark.parametrize("option", ["--no-stdout", "--no-stderr"])
def test_a_stream_can_be_left_alone(run_program, stored_lines, option):
    """It goes where it would go, and is no entry."""
    code, stdout, stderr = run_program(*shell("echo out; echo err >&2"), options=(option,))
    assert (code, stdout, stderr) == (0, b"out\n", b"err\n")
    kept = "err" if option == "--no-stdout" else "out"
    assert [message for _, _, message, _ in stored_lines()] == [kept]


def test_a_program_that_uses_runlog_joins_the_run(run_program, commands, stored_runs, connection):
    """One run, with the lines of the one and the entries and counts of the other."""
    path = commands.write(
        "job.py",
        """
import logging, runlog
logging.getLogger().addHandler(runlog.RunLogHandler())
logging.getLogger().setLevel(logging.INFO)
with runlog.RunContext("job") as run:
    logging.info("from the inside", extra={"step": "FETCH"})
    run.count(fetched=150)
print("from the outside")
""",
    )
    assert run_program(PYTHON, path)[0] == 0
    assert stored_runs() == [("job", "success", None, "finished")]
    stored = connection.execute("select step, message from logs order by timestamp, id").fetchall()
    assert stored == [
        ("START", "Starting job"),
        ("FETCH", "from the inside"),
        ("LOG", "from the outside"),
        ("END", "job completed successfully"),
    ]
    assert connection.execute("select records_fetched from runs").fetchone() == (150,)


def test_the_batch_goes_down_to_the_program(run_program, commands, connection):
    """RUNLOG_BATCH_ID and RUNLOG_RUN_ID are those of the run."""
    code, stdout, _ = run_program(*shell("echo $RUNLOG_RUN_ID $RUNLOG_BATCH_ID"))
    assert code == 0
    (ids,) = connection.execute("select id || ' ' || batch_id from runs").fetchone()[:1]
    assert stdout.decode().strip() == ids


def test_without_a_database_the_program_runs(run_program, stored_runs):
    """Nothing is recorded, one line says why, and the program is as it would be."""
    code, stdout, stderr = run_program(*shell("echo hello; exit 3"), env={"RUNLOG_ENABLED": "0"})
    assert (code, stdout, stderr) == (3, b"hello\n", b"")
    assert stored_runs() == []
    assert run_program("no-such-program", env={"RUNLOG_ENABLED": "0"})[0] == 127


def test_with_the_database_away_the_program_runs(
    run_program, proxy, commands, connection, stored_runs
):
    """It ends as it would; the next process delivers the lines and the end."""
    proxy.refuse()
    environment = {"RUNLOG_DSN": proxy.conninfo, "RUNLOG_EXIT_TIMEOUT": "0.5"}
    code, stdout, stderr = run_program(*shell("echo hello; exit 3"), env=environment)
    assert (code, stdout) == (3, b"hello\n")
    assert b"entries wait in" in stderr
    assert stored_runs() == []
    proxy.forward()
    run_program("true", env={**environment, "RUNLOG_EXIT_TIMEOUT": "10"})
    assert stored_runs() == [
        ("sh", "error", "exit code 3", "exited"),
        ("true", "success", None, "finished"),
    ]


def test_what_is_known_of_the_program(run_program, connection):
    """The row's metadata has the program's words, without secrets, and its exit code."""
    assert run_program(*shell("exit 4"), "--password", "hunter2")[0] == 4
    (about,) = connection.execute("select metadata -> 'runlog' from runs").fetchone()
    assert about["argv"] == ["sh", "-c", "exit 4", "--password", "[redacted]"]
    assert about["exit_code"] == 4


def test_overlap_skip(start_program, run_program, connection, stored_runs):
    """While one is alive the next one does not start, and that is no failure."""
    first = start_program(
        *shell("echo ready; read line"), options=("--script", "job"), stdin=subprocess.PIPE
    )
    assert first.stdout.readline() == b"ready\n"

    def begun():
        assert stored_runs() == [("job", "running", None, None)]

    eventually(begun)
    options = ("--script", "job", "--overlap", "skip")
    code, stdout, stderr = run_program("echo", "second", options=options)
    assert (code, stdout) == (0, b"")
    assert b"is alive" in stderr
    with suppress(BrokenPipeError):
        first.communicate(b"\n", timeout=30)
    assert stored_runs() == [("job", "success", None, "finished")]


def test_on_github(run_program, commands):
    """A failed program annotates the job and has its part in the job's summary."""
    summary = commands.folder / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    code, stdout, stderr = run_program(*shell("echo no space >&2; exit 3"), env=environment)
    assert (code, stdout) == (3, b"")
    assert stderr == b"no space\n::error title=sh::exit code 3: no space\n"
    assert "### ❌ sh" in summary.read_text()


def test_usage():
    """Options before the command are ours, those behind it are the program's."""
    from click.testing import CliRunner

    from runlog.cli import cli

    told = CliRunner().invoke(cli, ["exec", "--help"])
    assert told.exit_code == 0
    assert "--no-stdout" in told.output
    assert CliRunner().invoke(cli, ["exec"]).exit_code == 2


@pytest.mark.parametrize("overlap", ["skip", "wait", "fail"])
def test_a_database_that_is_away_stops_no_program(run_program, overlap):
    """Where nobody can say whether another run is alive, the program runs and one line says so."""
    code, out, err = run_program(
        "echo", "done", options=["--overlap", overlap], env={"RUNLOG_DSN": "host=127.0.0.1 port=1",
        "RUNLOG_EXIT_TIMEOUT": "0.2"},
    )  # fmt: skip
    assert (code, out) == (0, b"done\n")
    told = [line for line in err.decode().splitlines() if "is not known, so it runs" in line]
    assert len(told) == 1
    assert b"Traceback" not in err


def test_a_run_that_is_alive_is_one_line(run_program, connection):
    """``--overlap fail`` beside a living run is one line with its remedy, and exit code 1."""
    run_id = add_run(connection, "echo", beat=0)
    code, out, err = run_program("echo", "done", options=["--overlap", "fail"])
    assert (code, out) == (1, b"")
    assert len(err.splitlines()) == 1
    assert f"runlog close {run_id}" in err.decode()
