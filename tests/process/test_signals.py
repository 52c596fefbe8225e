"""Signals in real processes: the end is recorded, and nothing about dying is different."""

from __future__ import annotations

import signal

import pytest
from recording import messages

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


def test_all_open_runs_end(script, connection):
    """Nested runs end together, and the batch is theirs."""
    ended = script("""
with runlog.RunContext('outer'), runlog.RunContext('inner'): send(signal.SIGTERM)
""")
    assert ended.exit_code == -signal.SIGTERM
    assert rows(connection) == [by("SIGTERM")] * 2


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


STUCK = """
mutex = ctypes.create_string_buffer(64)
lock = ctypes.CDLL(None).pthread_mutex_lock
lock(mutex)
with runlog.RunContext('stuck'):
    print("stuck", flush=True)
    # For ever, and no signal makes it return.
    lock(mutex)
"""


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
    assert "entries wait" not in hanging.stderr


@pytest.mark.parametrize(
    ("source", "exit_code", "row"),
    [
        ("send(signal.SIGINT)", -signal.SIGINT, ("error", "KeyboardInterrupt", "interrupted")),
        ("send(signal.SIGTERM)", -signal.SIGTERM, by("SIGTERM")),
        ("raise ValueError('text')", 1, ("error", "ValueError: text", "failed")),
        ("sys.exit(3)", 3, ("error", "exit code 3", "exited")),
        ("await asyncio.sleep(0)", 0, SUCCESS),
        (
            "asyncio.current_task().cancel(); await asyncio.sleep(60)",
            1,
            ("error", "CancelledError", "cancelled"),
        ),
        (
            "await asyncio.wait_for(asyncio.sleep(60), 0.01)",
            1,
            ("error", "TimeoutError", "failed"),
        ),
    ],
)
def test_in_asyncio(script, connection, source, exit_code, row):
    """Ctrl-C, SIGTERM, exceptions and cancellations inside ``asyncio.run``."""
    ended = script(f"""
async def main():
    async with runlog.RunContext('x'):
        log.info("before")
        {source.replace("send(", "os.kill(os.getpid(), ")}
        await asyncio.sleep(0 if {exit_code} == 0 else 60)
asyncio.run(main())
""")
    assert ended.exit_code == exit_code
    assert rows(connection) == [row]
    assert "before" in messages(connection)


def test_a_signal_handler_of_the_event_loop(script, connection):
    """``loop.add_signal_handler`` replaces ours, and is what is called."""
    ended = script("""
async def main():
    done = asyncio.Event()
    async with runlog.RunContext('x'):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set)
        os.kill(os.getpid(), signal.SIGTERM)
        await done.wait()
        log.info("told")
asyncio.run(main())
""")
    assert ended.exit_code == 0, ended.stderr
    assert rows(connection) == [SUCCESS]
    assert "told" in messages(connection)


def test_a_run_in_a_thread(script, connection):
    """Only the main thread can catch signals: the process dies as it would, the next one tells."""
    ended = script("""
def work():
    with runlog.RunContext('thread'):
        log.info("in a thread")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
threading.Thread(target=work).start()
""")
    assert ended.exit_code == -signal.SIGTERM
    script("with runlog.RunContext('next'): pass")
    (status, message, outcome), after = rows(connection)
    assert (status, outcome, after) == ("error", "died", SUCCESS)
    assert "[LOG] in a thread" in message


def test_a_thread_of_a_web_worker(script, connection):
    """A decorated function in a thread changes no signal handling."""
    ended = script("""
@runlog.RunContext('request')
def answer():
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
seen = []
thread = threading.Thread(target=lambda: seen.append(answer()))
thread.start()
thread.join()
assert seen == [True]
""")
    assert ended.exit_code == 0, ended.stderr
    assert rows(connection) == [SUCCESS]


def test_a_forked_child_is_terminated(script, connection):
    """Its entries are delivered, it dies by the signal, and the parent's run is the parent's."""
    ended = script("""
with runlog.RunContext('parent'):
    pid = os.fork()
    if pid == 0:
        log.info("in the child")
        send(signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    log.info("child: %d", os.waitstatus_to_exitcode(status))
    # The child's signal is none of the parent's, whose deputy hears nothing of it.
    time.sleep(1.5)
""")
    assert ended.exit_code == 0, ended.stderr
    assert rows(connection) == [SUCCESS]
    assert {"in the child", "child: -15"} <= set(messages(connection))


def test_a_run_in_a_forked_child_is_terminated(script, connection):
    """The child's own run says so."""
    ended = script("""
pid = os.fork()
if pid == 0:
    with runlog.RunContext('child'): send(signal.SIGTERM)
os.waitpid(pid, 0)
""")
    assert ended.exit_code == 0, ended.stderr
    assert rows(connection) == [by("SIGTERM")]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_is_terminated(script, connection, method):
    """``Process.terminate``: the child's run ends so, and its exit code is as without runlog."""
    ended = script(f"""
def work(ready):
    with runlog.RunContext('child'):
        log.info("working")
        ready.set()
        time.sleep(60)
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    ready = context.Event()
    with runlog.RunContext('parent'):
        child = context.Process(target=work, args=(ready,))
        child.start()
        ready.wait()
        child.terminate()
        child.join()
        log.info("child: %s", child.exitcode)
""")
    assert ended.exit_code == 0, ended.stderr
    assert rows(connection) == [SUCCESS, by("SIGTERM")]
    assert {"working", "child: -15"} <= set(messages(connection))
