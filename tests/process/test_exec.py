"""``runlog exec``: real programs, their output, their end, and what the tables say of them."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from waiting import eventually

PYTHON = sys.executable


@pytest.fixture
def run(commands):
    """``run(program…, options=…)`` → exit code, stdout, stderr of ``runlog exec``."""

    def execute(*program, options=(), **rest):
        return commands.run("exec", *options, "--", *program, **rest)

    return execute


@pytest.fixture
def start(commands):
    """The same, still running."""
    return lambda *program, options=(), **rest: commands.start(
        "exec", *options, "--", *program, **rest
    )


@pytest.fixture
def rows(connection):
    """``rows()``: script_name, status, error_message and outcome of all runs."""
    return lambda: connection.execute(
        "select script_name, status, error_message, metadata -> 'runlog' ->> 'outcome'"
        " from runs order by started_at"
    ).fetchall()


@pytest.fixture
def entries(connection):
    """``entries()``: level, step, message, meta in order, without the run's own START and END."""

    def read():
        return connection.execute(
            "select level, step, message, meta from logs"
            " where step not in ('START', 'END', 'ERROR') order by timestamp, id"
        ).fetchall()

    return read


def shell(source):
    return "sh", "-c", source


def test_lines_become_entries(run, rows, entries):
    """Level, step and meta are what the line says; stderr is marked; output is passed on apart."""
    source = """
echo "[FETCH] Fetched 150"
echo "WARNING: slow" >&2
echo '{"msg": "loaded", "level": "error", "step": "LOAD", "n": 3}'
echo plain
"""
    code, stdout, stderr = run(*shell(source), options=("--script", "job", "--step", "WORK"))
    assert (code, stderr) == (0, b"WARNING: slow\n")
    assert stdout == (
        b"[FETCH] Fetched 150\n"
        b'{"msg": "loaded", "level": "error", "step": "LOAD", "n": 3}\nplain\n'
    )
    assert sorted(entries()) == [
        ("ERROR", "LOAD", "loaded", {"n": 3}),
        ("INFO", "FETCH", "Fetched 150", {}),
        ("INFO", "WORK", "plain", {}),
        ("WARNING", "WORK", "slow", {"stream": "stderr"}),
    ]
    assert rows() == [("job", "success", None, "finished")]


def test_the_order_within_a_stream_is_kept(run, entries):
    """A hundred thousand lines: each once, in order, and printed as they were."""
    code, stdout, _ = run("seq", "1", "100000")
    assert code == 0
    assert stdout == b"".join(b"%d\n" % number for number in range(1, 100_001))
    assert [message for _, _, message, _ in entries()] == stdout.decode().split()


def test_a_traceback_is_one_entry(run, rows, entries):
    """With its stack; and it is the reason that the row gives."""
    code, _, stderr = run(PYTHON, "-c", "import os\nint('x')")
    assert code == 1
    reason = "ValueError: invalid literal for int() with base 10: 'x'"
    ((level, _, message, meta),) = entries()
    assert (level, message) == ("ERROR", reason)
    assert meta["stack"] == stderr.decode().rstrip("\n")
    assert (meta["error_type"], meta["stream"]) == ("ValueError", "stderr")
    assert rows() == [("python", "error", reason, "failed")]


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
def test_the_end_is_the_programs_own(run, rows, source, code, message, outcome):
    """Its exit code, or death by the same signal; and the row says it."""
    assert run(*shell(source))[0] == code
    status = "error" if message else "success"
    assert rows() == [("sh", status, message, outcome)]


@pytest.mark.parametrize(
    ("program", "code", "message"),
    [
        ("/no/such/program", 127, "'/no/such/program': command not found"),
        ("no-such-program", 127, "'no-such-program': command not found"),
        ("/", 126, "'/' cannot be run: Permission denied"),
    ],
)
def test_a_program_that_cannot_be_started(run, rows, program, code, message):
    """The exit codes are a shell's, and the run is there, failed."""
    assert run(program, options=("--script", "job")) == (code, b"", f"runlog: {message}\n".encode())
    assert rows() == [("job", "error", message, "failed")]


def test_a_script_without_an_interpreter_line(run, commands, entries):
    """As a shell does, ``sh`` runs it."""
    path = commands.write("job", "echo $1 $0\n")
    path.chmod(0o755)
    code, stdout, _ = run(path, "arg")
    assert (code, stdout) == (0, f"arg {path}\n".encode())


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["true"], "true"),
        (["/bin/true", "x"], "true"),
        (["sh", "-e", "nightly.sh"], "nightly"),
        ([PYTHON, "-u", "etl.py", "--all"], "etl"),
        ([PYTHON, "-m", "platform"], "platform"),
        ([PYTHON, "-V"], "python"),
    ],
)
def test_what_the_run_is_called(run, commands, rows, words, name):
    """After the program, or after the script that an interpreter is given."""
    commands.write("nightly.sh", "true\n")
    commands.write("etl.py", "")
    assert run(*words)[0] == 0
    assert rows()[0][0] == name


def test_the_output_is_passed_on_byte_for_byte(run, entries):
    """NUL, broken UTF-8, carriage returns, and no newline at the end."""
    raw = b"a\0b\n\xff\xfe\n10%\r50%\r100%\r\n\x1b[31mred\x1b[0m\r\nlast"
    octal = "".join(f"\\{byte:03o}" for byte in raw)
    code, stdout, _ = run("printf", octal)
    assert (code, stdout) == (0, raw)
    stored = [message for _, _, message, _ in entries()]
    assert stored[1:] == ["\\xff\\xfe", "100%", "red", "last"]
    assert stored[0].startswith("a")


def test_a_line_without_end(run, entries):
    """A megabyte without a newline is passed on, and becomes several entries with all of it."""
    code, stdout, _ = run(*shell("head -c 1000000 /dev/zero | tr '\\0' x"))
    assert (code, stdout) == (0, b"x" * 1_000_000)
    stored = [message for _, _, message, _ in entries()]
    assert "".join(stored) == "x" * 1_000_000
    assert len(stored) > 1


def test_lines_are_printed_as_they_come(start):
    """What the program has written is there before it goes on."""
    process = start(*shell("echo one; read answer; echo $answer"), stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"one\n"
    stdout, _ = process.communicate(b"two\n", timeout=30)
    assert stdout == b"two\n"


@pytest.mark.parametrize("option", ["--no-stdout", "--no-stderr"])
def test_a_stream_can_be_left_alone(run, entries, option):
    """It goes where it would go, and is no entry."""
    code, stdout, stderr = run(*shell("echo out; echo err >&2"), options=(option,))
    assert (code, stdout, stderr) == (0, b"out\n", b"err\n")
    kept = "err" if option == "--no-stdout" else "out"
    assert [message for _, _, message, _ in entries()] == [kept]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGQUIT"])
def test_signals_are_handed_on(start, rows, name):
    """The program decides; its exit code is the one that counts."""
    trap = name.removeprefix("SIG")
    source = f"trap 'echo caught; exit 7' {trap}; echo ready; while :; do sleep 0.05; done"
    process = start(*shell(source))
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, name))
    stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (7, b"caught\n")
    assert rows() == [("sh", "error", "exit code 7", "exited")]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_the_program_dies_by(start, rows, name):
    """Both die by it, and the row says so."""
    process = start(*shell("echo ready; exec sleep 60"))
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=30)
    assert process.returncode == -getattr(signal, name)
    verb = "interrupted" if name == "SIGINT" else "terminated"
    assert rows() == [("sh", "error", f"{verb} by {name}", verb)]


def test_an_ignored_signal_stays_ignored(start, rows):
    """Under nohup neither the wrapper nor the program hears of SIGHUP."""
    process = start(
        *shell("echo ready; read line; echo went on"), prefix=("nohup",), stdin=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    stdout, _ = process.communicate(b"\n", timeout=30)
    assert (process.returncode, stdout) == (0, b"went on\n")
    assert rows() == [("sh", "success", None, "finished")]


def test_ctrl_c_at_a_terminal_reaches_the_program_once(commands, rows):
    """A terminal sends it to the whole group; handing it on would make it two."""
    source = """
import signal, sys, time
count = 0
def caught(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, caught)
print("ready", flush=True)
deadline = time.monotonic() + 30
while not count and time.monotonic() < deadline:
    time.sleep(0.01)
time.sleep(0.5)
print("count", count, flush=True)
"""
    path = commands.write("program.py", source)
    pid, terminal = pty.fork()
    if pid == 0:
        words = [PYTHON, "-m", "runlog", "exec", "--", PYTHON, str(path)]
        os.execve(PYTHON, words, commands._env)
    try:
        _read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        assert b"count 1" in _read_until(terminal, b"count")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert rows() == [("program", "success", None, "finished")]


def _read_until(terminal, word):
    seen = b""
    deadline = time.monotonic() + 30
    while word not in seen or not seen.endswith(b"\n"):
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 4096)
    return seen


def test_a_grandchild_that_keeps_the_pipe(start, rows, tmp_path):
    """The end does not wait for it, and what it writes later still goes where it would."""
    output = tmp_path / "output"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with output.open("wb") as file:
        late = f"(read line < {shlex.quote(str(gate))}; echo late) & echo early"
        process = start(*shell(late), stdout=file)
        assert process.wait(timeout=30) == 0
    assert output.read_bytes() == b"early\n"
    assert rows() == [("sh", "success", None, "finished")]
    gate.write_text("go\n")

    def written():
        assert output.read_bytes() == b"early\nlate\n"

    eventually(written)


def test_a_reader_that_has_seen_enough(start, rows):
    """``| head``: the program gets its SIGPIPE as without runlog."""
    process = start("yes")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == -signal.SIGPIPE
    process.stdout = None
    assert rows() == [("yes", "error", "killed by SIGPIPE", "killed")]


def test_a_program_that_uses_runlog_joins_the_run(run, commands, rows, connection):
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
    assert run(PYTHON, path)[0] == 0
    assert rows() == [("job", "success", None, "finished")]
    stored = connection.execute("select step, message from logs order by timestamp, id").fetchall()
    assert stored == [
        ("START", "Starting job"),
        ("FETCH", "from the inside"),
        ("LOG", "from the outside"),
        ("END", "job completed successfully"),
    ]
    assert connection.execute("select records_fetched from runs").fetchone() == (150,)


def test_the_batch_goes_down_to_the_program(run, commands, connection):
    """RUNLOG_BATCH_ID and RUNLOG_RUN_ID are those of the run."""
    code, stdout, _ = run(*shell("echo $RUNLOG_RUN_ID $RUNLOG_BATCH_ID"))
    assert code == 0
    (ids,) = connection.execute("select id || ' ' || batch_id from runs").fetchone()[:1]
    assert stdout.decode().strip() == ids


def test_without_a_database_the_program_runs(run, rows):
    """Nothing is recorded, one line says why, and the program is as it would be."""
    code, stdout, stderr = run(*shell("echo hello; exit 3"), env={"RUNLOG_ENABLED": "0"})
    assert (code, stdout, stderr) == (3, b"hello\n", b"")
    assert rows() == []
    assert run("no-such-program", env={"RUNLOG_ENABLED": "0"})[0] == 127


def test_with_the_database_away_the_program_runs(run, proxy, commands, connection, rows):
    """It ends as it would; the next process delivers the lines and the end."""
    proxy.refuse()
    environment = {"RUNLOG_DSN": proxy.conninfo, "RUNLOG_EXIT_TIMEOUT": "0.5"}
    code, stdout, stderr = run(*shell("echo hello; exit 3"), env=environment)
    assert (code, stdout) == (3, b"hello\n")
    assert b"entries wait in" in stderr
    assert rows() == []
    proxy.forward()
    run("true", env=environment)
    assert rows() == [
        ("sh", "error", "exit code 3", "exited"),
        ("true", "success", None, "finished"),
    ]


def test_what_is_known_of_the_program(run, connection):
    """The row's metadata has the program's words, without secrets, and its exit code."""
    assert run(*shell("exit 4"), "--password", "hunter2")[0] == 4
    (about,) = connection.execute("select metadata -> 'runlog' from runs").fetchone()
    assert about["argv"] == ["sh", "-c", "exit 4", "--password", "[redacted]"]
    assert about["exit_code"] == 4


def test_overlap_skip(start, run, connection, rows):
    """While one is alive the next one does not start, and that is no failure."""
    first = start(*shell("echo ready; read line"), options=("--script", "job"), stdin=subprocess.PIPE)
    assert first.stdout.readline() == b"ready\n"

    def begun():
        assert rows() == [("job", "running", None, None)]

    eventually(begun)
    options = ("--script", "job", "--overlap", "skip")
    code, stdout, stderr = run("echo", "second", options=options)
    assert (code, stdout) == (0, b"")
    assert b"is alive" in stderr
    with suppress(BrokenPipeError):
        first.communicate(b"\n", timeout=30)
    assert rows() == [("job", "success", None, "finished")]


def test_on_github(run, commands):
    """A failed program annotates the job and has its part in the job's summary."""
    summary = commands.folder / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    code, stdout, stderr = run(*shell("echo no space >&2; exit 3"), env=environment)
    assert (code, stdout) == (3, b"")
    assert stderr == b"no space\n::error title=sh::exit code 3: no space\n"
    assert "### ❌ sh" in summary.read_text()


def test_closed_descriptors(commands, rows):
    """Started with stdout and stderr closed, as some daemons do, it records all the same."""
    words = shlex.join([PYTHON, "-m", "runlog", "exec", "--", "sh", "-c", "echo x; exit 3"])
    done = subprocess.run(["sh", "-c", f"{words} >&- 2>&-"], env=commands._env, check=False)
    assert done.returncode == 3
    assert rows() == [("sh", "error", "exit code 3", "exited")]


def test_usage():
    """Options before the command are ours, those behind it are the program's."""
    from click.testing import CliRunner

    from runlog.cli import cli

    told = CliRunner().invoke(cli, ["exec", "--help"])
    assert told.exit_code == 0
    assert "--no-stdout" in told.output
    assert CliRunner().invoke(cli, ["exec"]).exit_code == 2
