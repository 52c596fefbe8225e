"""Signals in real processes: the end is recorded, and nothing about dying is different."""

from __future__ import annotations

import signal

import pytest
from kit.recording import messages

HEAD = """
import asyncio, ctypes, logging, multiprocessing, os, signal, sys, threading, time
import runlog
logging.getLogger().addHandler(runlog.RunLogHandler())
logging.getLogger().setLevel(logging.INFO)
log = logging.getLogger("app")
def send(signum):
    os.kill(os.getpid(), signum)
    time.sleep(60)
"""


@pytest.fixture
def script(run_script, database):
    """``script(source, **environment)`` → an ended script that has everything imported."""
    return lambda source, **env: run_script(HEAD + source, env={"RUNLOG_DSN": database, **env})


@pytest.fixture
def started(start_script, database):
    """``started(source, **environment)`` → a running one."""
    return lambda source, **env: start_script(HEAD + source, env={"RUNLOG_DSN": database, **env})


def rows(connection):
    """status, error_message and outcome of all runs, in the order in which they began."""
    return connection.execute(
        "select status, error_message, metadata -> 'runlog' ->> 'outcome'"
        " from runs order by started_at"
    ).fetchall()


def by(name):
    return ("error", f"terminated by {name}", "terminated")


SUCCESS = ("success", None, "finished")


@pytest.mark.guarantee("true-run")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_the_process(script, connection, name):
    """Recorded, then the process dies by that very signal."""
    ended = script(f"with runlog.RunContext('x'): send(signal.{name})")
    assert ended.exit_code == -getattr(signal, name)
    assert rows(connection) == [by(name)]


def test_ctrl_c_where_it_kills(script, connection):
    """A script that gave SIGINT its default action back dies by it, recorded."""
    ended = script("""
signal.signal(signal.SIGINT, signal.SIG_DFL)
with runlog.RunContext('x'): send(signal.SIGINT)
""")
    assert ended.exit_code == -signal.SIGINT
    assert rows(connection) == [by("SIGINT")]


@pytest.mark.guarantee("true-run")
def test_all_open_runs_end(script, connection):
    """Nested runs end together, and the batch is theirs."""
    ended = script("""
with runlog.RunContext('outer'), runlog.RunContext('inner'): send(signal.SIGTERM)
""")
    assert ended.exit_code == -signal.SIGTERM
    assert rows(connection) == [by("SIGTERM")] * 2


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("is_before", [True, False])
def test_a_handler_of_the_users_is_called(script, connection, is_before):
    """Set before or after the start, it is the one that is called, and its exit code counts."""
    handler = """
def mine(signum, frame):
    print("mine", flush=True)
    sys.exit(4)
"""
    setting = "signal.signal(signal.SIGTERM, mine)\n"
    inside = "    send(signal.SIGTERM)\n"
    source = (
        f"{handler}{setting}with runlog.RunContext('x'):\n{inside}"
        if is_before
        else f"{handler}with runlog.RunContext('x'):\n    {setting}{inside}"
    )
    ended = script(source)
    assert (ended.exit_code, ended.stdout) == (4, "mine\n")
    assert rows(connection) == [("error", "exit code 4", "exited")]


def test_a_handler_that_goes_on(script, connection):
    """A signal that the script takes as news does not end the run, nor does a second wait of ours."""
    ended = script("""
got = []
with runlog.RunContext('x'):
    signal.signal(signal.SIGTERM, lambda *_: got.append(1))
    os.kill(os.getpid(), signal.SIGTERM)
    # Longer than the main thread may take before its deputy acts.
    time.sleep(2)
    log.info("went on %d", len(got))
""")
    assert ended.exit_code == 0, ended.stderr
    assert rows(connection) == [SUCCESS]
    assert "went on 1" in messages(connection)


def test_a_handler_that_hands_on_to_the_one_before(script, connection):
    """A handler that chains to what it found there ends the process by the signal, recorded."""
    ended = script("""
with runlog.RunContext('x'):
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *a: (print("mine", flush=True), before(*a)))
    send(signal.SIGTERM)
""")
    assert (ended.exit_code, ended.stdout) == (-signal.SIGTERM, "mine\n")
    assert rows(connection) == [by("SIGTERM")]


def test_an_ignored_signal_stays_ignored(script, connection):
    """As under nohup."""
    ended = script("""
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with runlog.RunContext('x'): os.kill(os.getpid(), signal.SIGHUP)
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
""")
    assert ended.exit_code == 0, ended.stderr
    assert rows(connection) == [SUCCESS]


@pytest.mark.guarantee("never-raises")
def test_everything_is_put_back(script):
    """After the last run signals and the wakeup descriptor are as they were."""
    ended = script("""
with runlog.RunContext('x'):
    with runlog.RunContext('y'):
        pass
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
assert signal.set_wakeup_fd(-1) == -1
""")
    assert ended.exit_code == 0, ended.stderr


def test_a_stale_handler_still_ends_the_process(script, connection):
    """A handler of ours that the script puts back after the run does what the default does."""
    ended = script("""
with runlog.RunContext('x'):
    ours = signal.getsignal(signal.SIGTERM)
signal.signal(signal.SIGTERM, ours)
send(signal.SIGTERM)
""")
    assert ended.exit_code == -signal.SIGTERM
    assert rows(connection) == [SUCCESS]


def test_a_wakeup_descriptor_of_the_users_stays(script):
    """Whoever else listens to signals goes on doing so."""
    ended = script("""
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
with runlog.RunContext('x'): pass
assert signal.set_wakeup_fd(-1) == writer
""")
    assert ended.exit_code == 0, ended.stderr


def test_loops_find_no_wakeup_descriptor(script):
    """trio warns of one that is set before its loop; after a loop the deputy listens again."""
    ended = script("""
import runlog._process.signals as ours
with runlog.RunContext('x'):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # As a loop does: it begins, it ends.
    assert signal.set_wakeup_fd(writer, warn_on_full_buffer=False) == -1
    assert signal.set_wakeup_fd(-1) == writer
    kept = ours._set_wakeup_fd(-1)
    assert kept not in (-1, writer)
    ours._set_wakeup_fd(kept)
assert signal.set_wakeup_fd is ours._set_wakeup_fd
assert signal.set_wakeup_fd(-1) == -1
""")
    assert ended.exit_code == 0, ended.stderr


STUCK = """
mutex = ctypes.create_string_buffer(64)
lock = ctypes.CDLL(None).pthread_mutex_lock
lock(mutex)
with runlog.RunContext('stuck'):
    print("stuck", flush=True)
    # For ever, and no signal makes it return.
    lock(mutex)
"""


@pytest.mark.guarantee("true-run")
def test_a_main_thread_stuck_in_a_c_call(started, connection):
    """The deputy records the end, and the process dies by the signal, not when the call returns."""
    stuck = started(STUCK)
    stuck.wait_for_line("stuck")
    stuck.signal(signal.SIGTERM)
    assert stuck.wait(timeout=20) == -signal.SIGTERM
    assert rows(connection) == [by("SIGTERM")]


def test_a_second_signal_does_not_wait_for_the_deputy(started, proxy):
    """Two signals to a process that is stuck, with the database away: it dies at once."""
    proxy.hang()
    stuck = started(STUCK, RUNLOG_DSN=proxy.conninfo, RUNLOG_EXIT_TIMEOUT="60")
    stuck.wait_for_line("stuck")
    stuck.signal(signal.SIGTERM)
    stuck.signal(signal.SIGTERM)
    # The first alone would take the whole of exit_timeout.
    while stuck.exit_code is None:
        stuck.signal(signal.SIGTERM)
    assert stuck.wait(timeout=20) == -signal.SIGTERM


@pytest.mark.guarantee("never-raises")
def test_a_second_signal_ends_the_process_at_once(started, proxy):
    """While the first one's delivery hangs, a second one kills."""
    proxy.hang()
    hanging = started(
        """
with runlog.RunContext('x'):
    print("ready", flush=True)
    time.sleep(60)
""",
        RUNLOG_DSN=proxy.conninfo,
        RUNLOG_EXIT_TIMEOUT="60",
    )
    hanging.wait_for_line("ready")
    hanging.signal(signal.SIGTERM)
    while hanging.exit_code is None:
        hanging.signal(signal.SIGTERM)
    assert hanging.wait(timeout=20) == -signal.SIGTERM
    assert " wait" not in hanging.stderr
