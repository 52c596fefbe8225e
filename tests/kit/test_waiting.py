"""`eventually`, and waiting for what a real process prints."""

import fcntl
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.scripts import Script, Scripts
from kit.waiting import eventually

RunScript = Callable[..., Script]


def test_returns_what_the_assertion_returned_when_it_held() -> None:
    """An assertion that fails at first is called again until it holds."""
    calls = iter([False, False, True])

    def third_time() -> str:
        assert next(calls)
        return "held"

    assert eventually(third_time) == "held"
    assert list(calls) == []


def test_raises_the_last_error_when_the_time_is_over() -> None:
    """What a person reads is the assertion as it failed last, not that time ran out."""
    calls: list[int] = []

    def never() -> None:
        calls.append(len(calls))
        raise AssertionError(f"call {len(calls)}")

    with pytest.raises(AssertionError) as caught:
        eventually(never, within=0.05)

    assert str(caught.value) == f"call {len(calls)}"
    assert len(calls) >= 2


def test_calls_at_least_once_without_any_time() -> None:
    """No time at all still means one look."""
    assert eventually(lambda: "seen", within=0) == "seen"


def test_passes_other_errors_through_at_once() -> None:
    """A broken assertion is no reason to wait."""
    calls: list[int] = []

    def broken() -> None:
        calls.append(1)
        raise KeyError("typo")

    with pytest.raises(KeyError, match="typo"):
        eventually(broken)

    assert calls == [1]


def test_a_script_is_run_to_its_end_in_an_environment_of_its_own(
    run_script: RunScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments and given variables reach the process; the caller's variables do not."""
    monkeypatch.setenv("RUNLOG_DSN", "not for scripts")

    script = run_script(
        """
        import os, sys
        print(sys.argv[1:], os.environ.get("RUNLOG_DSN"), os.environ["COLOUR"])
        sys.exit("three")
        """,
        "a",
        2,
        env={"COLOUR": "blue"},
    )

    assert (script.exit_code, script.stdout, script.stderr) == (
        1,
        "['a', '2'] None blue\n",
        "three\n",
    )


def test_a_signal_is_sent_after_the_line_was_seen(start_script: RunScript) -> None:
    """A running script can be watched, signalled and waited for."""
    script = start_script("import time\nprint('ready', flush=True)\ntime.sleep(600)")

    assert script.wait_for_line("read") == "ready"
    script.signal(signal.SIGTERM)

    assert script.wait() == -signal.SIGTERM


def test_waiting_for_a_line_ends_with_the_script(start_script: RunScript) -> None:
    """A script that died tells its story instead of letting the test wait."""
    script = start_script("raise SystemExit('no such table')")

    with pytest.raises(AssertionError, match=r"ended without a line with 'ready'(.|\n)*such table"):
        script.wait_for_line("ready", within=600)


def test_a_script_that_runs_too_long_is_killed(run_script: RunScript) -> None:
    """A hanging script fails its test and leaves no process behind."""
    with pytest.raises(AssertionError, match=r"still ran after 0\.1 s"):
        run_script("import time\ntime.sleep(600)", timeout=0.1)


def test_children_of_a_script_are_killed_with_it(scripts: Scripts, tmp_path: Path) -> None:
    """The end of the test ends what a killed script left behind."""
    lock = tmp_path / "lock"
    script = scripts.start(
        """
        import fcntl, os, sys, time
        lock = open(sys.argv[1], "w")
        if os.fork() == 0:
            fcntl.flock(lock, fcntl.LOCK_EX)
            print("locked", flush=True)
        time.sleep(600)
        """,
        lock,
    )
    script.wait_for_line("locked")

    assert script.kill() == -signal.SIGKILL
    with pytest.raises(BlockingIOError):
        take(lock)
    scripts.end()

    def is_free() -> None:
        try:
            take(lock)
        except BlockingIOError as error:
            raise AssertionError("the child still lives") from error

    eventually(is_free)


def take(lock: Path) -> None:
    with lock.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
