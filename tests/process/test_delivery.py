"""Real scripts, real ends: what was logged is in the table, whatever became of the script."""

from __future__ import annotations

import signal
import time

import pytest
from kit.recording import messages, numbered, run_row
from kit.waiting import until

SCRIPT = """
    import logging, sys
    import runlog

    logging.basicConfig(level=logging.INFO)
    logging.getLogger().addHandler(runlog.RunLogHandler())
    log = logging.getLogger("app")
    with runlog.RunContext("delivery", lifecycle_logs=False) as run:
        print(run.id, flush=True)
        for number in range(int(sys.argv[1])):
            log.info("line %06d", number, extra={"step": "FETCH", "meta": {"number": number}})
        print("logged", flush=True)
        if sys.argv[2:] == ["linger"]:
            sys.stdin.read()
            import time
            time.sleep(60)
"""
NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False):
        pass
"""


def run_id_of(script):
    return script.stdout.split()[0]


@pytest.mark.guarantee("exactly-once")
def test_a_thousand_calls_then_the_end(run_script, database, connection):
    """A thousand calls and the end of the script: a thousand rows, in order, none twice."""
    script = run_script(SCRIPT, 1000, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    assert messages(connection) == numbered(1000)
    assert run_row(connection, run_id_of(script), "status", "error_message") == ("success", None)


@pytest.mark.guarantee("outage")
def test_the_database_comes_back_after_the_script_ended(run_script, proxy, connection):
    """With the database away all along the script ends well, and the next process delivers all."""
    proxy.refuse()
    script = run_script(SCRIPT, 1000, env={"RUNLOG_DSN": proxy.conninfo})
    assert script.exit_code == 0
    assert "entries wait in" in script.stderr
    assert messages(connection) == []
    proxy.forward()
    run_script(NEXT, env={"RUNLOG_DSN": proxy.conninfo})
    assert messages(connection, run_id_of(script)) == numbered(1000)
    assert run_row(connection, run_id_of(script), "status", "error_message") == ("success", None)


GATED = """
    import logging, signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    import runlog

    with runlog.RunContext("gated", lifecycle_logs=False) as run:
        log = logging.getLogger("app")
        log.setLevel(logging.INFO)
        log.addHandler(runlog.RunLogHandler(exit_timeout=1, retry_interval=0.05))
        print(run.id, flush=True)
        log.info("first")
        print("begun", flush=True)
        signal.sigwait({signal.SIGUSR1})
        log.info("second")
        run.count(fetched=2)
"""


@pytest.mark.guarantee("outage", "true-run")
@pytest.mark.parametrize("away", ["start", "end"])
def test_the_database_is_away_for_a_while(start_script, run_script, proxy, connection, away):
    """Away when the run begins, or when it ends: after the next run its row and entries are right."""
    environment = {"RUNLOG_DSN": proxy.conninfo}
    if away == "start":
        proxy.refuse()
    script = start_script(GATED, env=environment)
    script.wait_for_line("begun")
    if away == "end":
        until(lambda: messages(connection) == ["first"])
        proxy.refuse()
    else:
        script.wait_for_line("cannot write to")
        proxy.forward()
    script.signal(signal.SIGUSR1)
    assert script.wait() == 0
    proxy.forward()
    run_script(NEXT, env=environment)
    assert messages(connection, run_id_of(script)) == ["first", "second"]
    columns = ("status", "error_message", "records_fetched", "duration_ms is not null")
    assert run_row(connection, run_id_of(script), *columns) == ("success", None, 2, True)


@pytest.mark.guarantee("survives-death")
@pytest.mark.parametrize("count", [30, 5000])
def test_kill_9_loses_nothing(start_script, run_script, proxy, connection, count):
    """Killed with everything undelivered: the next process delivers every line, and closes the run."""
    proxy.refuse()
    script = start_script(SCRIPT, count, "linger", env={"RUNLOG_DSN": proxy.conninfo})
    script.wait_for_line("logged")
    assert script.kill() == -signal.SIGKILL
    proxy.forward()
    run_script(NEXT, env={"RUNLOG_DSN": proxy.conninfo})
    assert messages(connection, run_id_of(script)) == numbered(count)
    status, message = run_row(connection, run_id_of(script), "status", "error_message")
    assert status == "error"
    assert f"line {count - 1:06d}" in message


@pytest.mark.guarantee("survives-death", "exactly-once")
def test_kill_9_in_the_middle_of_delivery_doubles_nothing(
    start_script, run_script, database, connection
):
    """Killed while the shipper works: nothing is missing and nothing is there twice."""
    script = start_script(SCRIPT, 20_000, "linger", env={"RUNLOG_DSN": database})
    script.wait_for_line("logged")
    script.kill()
    run_script(NEXT, env={"RUNLOG_DSN": database})
    assert messages(connection, run_id_of(script)) == numbered(20_000)


@pytest.mark.guarantee("bounded", "never-raises")
@pytest.mark.parametrize("fault", ["hang", "half_open"])
def test_a_silent_database_holds_the_script_up_no_longer_than_exit_timeout(
    run_script, start_script, proxy, connection, fault
):
    """The database accepts and never answers: the script ends within exit_timeout + 1 s, all is kept."""
    getattr(proxy, fault)()
    environment = {"RUNLOG_DSN": proxy.conninfo, "RUNLOG_EXIT_TIMEOUT": "1"}
    script = start_script(SCRIPT, 1000, env=environment)
    script.wait_for_line("logged")
    logged_at = time.monotonic()
    assert script.wait() == 0
    # A promise of the documentation about time itself; four times the promise for noisy machines.
    assert time.monotonic() - logged_at < 8
    assert "entries wait in" in script.stderr
    proxy.forward()
    run_script(NEXT, env={"RUNLOG_DSN": proxy.conninfo})
    assert messages(connection, run_id_of(script)) == numbered(1000)


@pytest.mark.guarantee("true-run")
def test_sigterm_is_recorded_and_kills(start_script, database, connection):
    """SIGTERM: all entries delivered, the run says so, and the shell sees death by that signal."""
    script = start_script(SCRIPT, 30, "linger", env={"RUNLOG_DSN": database})
    script.wait_for_line("logged")
    script.signal(signal.SIGTERM)
    assert script.wait() == -signal.SIGTERM
    assert messages(connection) == numbered(30)
    row = run_row(connection, run_id_of(script), "status", "error_message")
    assert row == ("error", "terminated by SIGTERM")


@pytest.mark.guarantee("survives-death", "exactly-once")
def test_two_processes_deliver_an_orphan_once(start_script, run_script, proxy, connection):
    """Two processes find the same orphan at the same time: each line is there once."""
    proxy.refuse()
    script = run_script(SCRIPT, 3000, env={"RUNLOG_DSN": proxy.conninfo})
    proxy.forward()
    both = [start_script(NEXT, env={"RUNLOG_DSN": proxy.conninfo}) for _ in range(2)]
    assert [other.wait() for other in both] == [0, 0]
    assert messages(connection, run_id_of(script)) == numbered(3000)


@pytest.mark.guarantee("disk")
def test_no_place_to_write_is_said_and_entries_still_arrive(run_script, database, connection):
    """Without a writable folder the spool is in memory: one line says so, all rows arrive."""
    environment = {"RUNLOG_DSN": database, "RUNLOG_SPOOL_DIR": "/proc/nowhere"}
    script = run_script(SCRIPT, 100, env=environment)
    assert script.exit_code == 0
    assert script.stderr.count("kept in memory only") == 1
    assert messages(connection) == numbered(100)


@pytest.mark.guarantee("never-raises")
def test_no_database_named_is_said_and_the_script_runs_on(run_script, monkeypatch):
    """With no database at all the script does its work; one message lists the ways to name one."""
    blocked = "import sys; sys.modules['runlog.embedded'] = type(sys)('embedded'); "
    blocked += "sys.modules['runlog.embedded'].is_installed = lambda: False\n    "
    script = run_script(
        SCRIPT.replace("import logging, sys", blocked + "import logging, sys", 1), 10
    )
    assert script.exit_code == 0, script.stderr
    assert "logged" in script.stdout
    assert script.stderr.count("no database is named") == 1


def test_importing_runlog_imports_nothing_heavy(run_script):
    """``import runlog`` brings in no driver, no command line, and little of the standard library."""
    script = run_script(
        """
        import sys
        import runlog
        heavy = {"psycopg", "psycopg_pool", "structlog", "click", "rich", "starlette", "asyncio", "orjson",
                 "dataclasses", "inspect", "uuid", "hashlib", "difflib"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    assert script.stdout.strip() == "[]"


@pytest.mark.guarantee("never-raises")
def test_a_seeded_script_draws_the_same_numbers(run_script):
    """Retries and pauses of runlog take nothing from the random numbers that a script counts on."""
    source = """
        import random, sys, time
        random.seed(42)
        if sys.argv[1:]:
            import runlog
            runlog.configure(retry_interval=0.01, retry_interval_max=0.02)
            runlog.install("seeded")
            runlog.flush(0.5)
        print(random.random(), random.random())
    """
    environment = {"RUNLOG_DSN": "host=127.0.0.1 port=1 dbname=nothing connect_timeout=2"}
    recorded = run_script(source, "recorded", env=environment)
    assert "cannot write to" in recorded.stderr
    assert recorded.stdout == run_script(source).stdout


def test_every_public_name_is_there(run_script):
    """``import runlog`` is enough for each name of the package, also for what is loaded late."""
    script = run_script(
        """
        import sys
        import runlog
        assert not {"runlog.queries", "runlog.testing"} & set(sys.modules)
        print(sorted(name for name in runlog.__all__ if not hasattr(runlog, name)))
        print(hasattr(runlog, "no_such_name"), runlog.queries.last_runs.__name__)
        """
    )
    assert script.stdout.splitlines() == ["[]", "False last_runs"], script.stderr
