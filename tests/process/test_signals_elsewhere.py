"""Signals to runs in tasks, threads and child processes: recorded where it can be, never changed."""

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


@pytest.mark.guarantee("true-run")
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
