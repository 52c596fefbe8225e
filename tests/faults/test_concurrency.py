"""Many threads, tasks and processes at once: nothing lost, nothing mixed up, order kept."""

from __future__ import annotations

import os
import subprocess

import pytest

# Read before the settings of whoever runs the tests are hidden.
FREE_THREADED = os.environ.get("RUNLOG_TEST_FREE_THREADED")
THREADS = """
    import logging, os, sys, threading
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=0.05, exit_timeout=120))
    barrier = threading.Barrier(32)

    def work(number):
        barrier.wait()
        for count in range(int(sys.argv[1])):
            log.info("%02d %06d", number, count)

    with runlog.RunContext("threads", lifecycle_logs=False) as run:
        threads = [threading.Thread(target=work, args=[number]) for number in range(32)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    print(sys.version)
"""


def _assert_threads(aftermath, count):
    """Every entry once; ids unique; by id, and by timestamp and id, each thread in its order."""
    by_id, by_time = (
        [
            tuple(map(int, message.split()))
            for (message,) in aftermath.connection.execute(
                f"select message from logs order by {order}"
            ).fetchall()
        ]
        for order in ("id", "timestamp, id")
    )
    expected = [(number, entry) for number in range(32) for entry in range(count)]
    aftermath.count(expected, by_id)
    assert sorted(by_id) == expected
    for rows in (by_id, by_time):
        last = dict.fromkeys(range(32), -1)
        for number, entry in rows:
            assert entry == last[number] + 1
            last[number] = entry
    assert aftermath.connection.execute("select count(distinct id) from logs").fetchone() == (
        32 * count,
    )


@pytest.mark.guarantee("fork-threads", "order", "exactly-once")
@pytest.mark.storm(short=300, long=10_000, fixed=True)
def test_thirty_two_threads(run_script, database, aftermath, rounds, evidence):
    """32 threads log at once: every entry is stored once, under an id of its own, each thread's in the order of its calls."""
    script = run_script(THREADS, rounds, env={"RUNLOG_DSN": database}, timeout=600)
    assert (script.exit_code, script.stderr) == (0, "")
    _assert_threads(aftermath, rounds)
    aftermath.is_clean()
    evidence(threads=32, **aftermath.counted())


@pytest.mark.guarantee("fork-threads", "order")
@pytest.mark.storm(short=300, long=10_000, fixed=True)
def test_thirty_two_threads_without_the_global_lock(
    run_script, database, aftermath, rounds, evidence, monkeypatch
):
    """The same on a free-threaded Python, where the threads really run at the same time."""
    if not FREE_THREADED:
        pytest.skip("RUNLOG_TEST_FREE_THREADED names no free-threaded Python with runlog's needs")
    said = subprocess.run(
        [FREE_THREADED, "-c", "import sys, psycopg, orjson; print(sys._is_gil_enabled())"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHON_GIL": "0"},
    )  # fmt: skip
    assert said.stdout == "False\n", said.stderr
    monkeypatch.setattr("sys.executable", FREE_THREADED)
    environment = {"RUNLOG_DSN": database, "PYTHON_GIL": "0"}
    script = run_script(THREADS, rounds, env=environment, timeout=600)
    assert (script.exit_code, script.stderr) == (0, "")
    assert "free-threading" in script.stdout
    _assert_threads(aftermath, rounds)
    aftermath.is_clean()
    evidence(threads=32, **aftermath.counted())


TASKS = """
    import asyncio, logging, sys
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(exit_timeout=60))

    async def work(number):
        if number % 2:
            with runlog.step(f"STEP {number}"):
                await say(number)
        else:
            async with runlog.RunContext(f"task {number}", lifecycle_logs=False) as run:
                with run.step(f"STEP {number}"):
                    await say(number)

    async def say(number):
        for count in range(3):
            log.info("%d %d", number, count)
            await asyncio.sleep(0)
        await asyncio.create_task(child(number))
        await asyncio.to_thread(log.info, "%d in a thread", number)

    async def child(number):
        await asyncio.sleep(0)
        log.info("%d in a child", number)

    async def main():
        async with runlog.RunContext("all", lifecycle_logs=False):
            await asyncio.gather(*(work(number) for number in range(int(sys.argv[1]))))

    asyncio.run(main())
"""


@pytest.mark.guarantee("fork-threads")
def test_a_thousand_tasks(run_script, database, aftermath, evidence):
    """1,000 tasks, each with a step or a nested run of its own: every entry, also of child tasks and of threads, has the step and the run of its task."""
    script = run_script(TASKS, 1000, env={"RUNLOG_DSN": database})
    assert (script.exit_code, script.stderr) == (0, "")
    rows = aftermath.connection.execute(
        "select script_name, step, message from logs join runs on runs.id = run_id order by logs.id"
    ).fetchall()
    said = ["0", "1", "2", "in a child", "in a thread"]
    expected = [
        ("all" if number % 2 else f"task {number}", f"STEP {number}", f"{number} {what}")
        for number in range(1000)
        for what in said
    ]
    assert sorted(rows) == sorted(expected)
    assert aftermath.connection.execute(
        "select count(*), count(distinct batch_id), bool_and(status = 'success') from runs"
    ).fetchone() == (501, 1, True)
    aftermath.is_clean()
    evidence(tasks=1000, entries=len(rows), mixed_up=len(set(rows) - set(expected)))


CROWD = """
    import logging, os, pathlib, sys, time
    import psycopg, orjson
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(
        flush_interval=0.05, retry_interval=0.05, retry_interval_max=0.5, exit_timeout=60,
    ))
    gate = pathlib.Path(sys.argv[1])
    print("ready", flush=True)
    while not gate.exists():
        time.sleep(0.001)
    with runlog.RunContext(f"process {sys.argv[2]}", lifecycle_logs=False):
        for number in range(200):
            log.info("line %06d", number)
            if number % 50 == 0:
                time.sleep(0.05)
"""


@pytest.mark.guarantee("fork-threads", "own-connection", "exactly-once")
@pytest.mark.storm(short=12, long=50, fixed=True)
def test_many_processes_on_one_database(start_script, proxy, aftermath, tmp_path, rounds, evidence):
    """Processes that begin in the same moment, with all connections cut time and again: none has more than one, and each has all its rows."""
    gate = tmp_path / "gate"
    environment = {"RUNLOG_DSN": proxy.conninfo}
    crowd = [start_script(CROWD, gate, number, env=environment) for number in range(rounds)]
    for script in crowd:
        script.wait_for_line("ready")
    gate.touch()
    most, cuts, cut = 0, 0, set()
    while any(script.exit_code is None for script in crowd):
        alive = _backends(aftermath)
        most = max(most, len(alive - cut))
        # Not again before the server has noticed: what is left of the last cut would be counted.
        if len(alive) >= rounds // 2 and cuts < 5 and not alive & cut:
            proxy.reset()
            proxy.forward()
            cuts, cut = cuts + 1, alive
    assert [script.wait() for script in crowd] == [0] * rounds, [s.stderr for s in crowd]
    assert cuts > 0
    # One each, and one that the server does not know yet to be gone.
    assert most <= 2 * rounds
    # Whoever was cut off in its last delivery has left the rest.
    aftermath.dsn = proxy.conninfo
    aftermath.deliver_all()
    rows = aftermath.connection.execute(
        "select script_name, status, array_agg(message order by logs.id) from logs"
        " join runs on runs.id = run_id group by script_name, status"
    ).fetchall()
    lines = [f"line {number:06d}" for number in range(200)]
    assert sorted(row[:2] for row in rows) == sorted(
        (f"process {number}", "success") for number in range(rounds)
    )
    for row in rows:
        aftermath.count(lines, row[2])
        assert row[2] == lines
    aftermath.is_clean()
    evidence(processes=rounds, most_connections=most, cuts=cuts, **aftermath.counted())


def _backends(aftermath):
    rows = aftermath.connection.execute(
        "select pid from pg_stat_activity where application_name like 'runlog:%%'"
    ).fetchall()
    return {pid for (pid,) in rows}
