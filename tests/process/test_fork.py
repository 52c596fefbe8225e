"""Which run a record belongs to: threads, tasks, pools, forks and spawned processes; nothing hangs."""

from __future__ import annotations

import pytest
from kit.recording import messages

START = """
    import faulthandler, os, signal
    # dump_traceback_later would wait in a forked child for its thread, which did not come along.
    faulthandler.register(signal.SIGALRM, chain=True)
    os.register_at_fork(after_in_child=lambda: signal.alarm(30))
    signal.alarm(50)
    import asyncio, contextvars, logging, multiprocessing, sys, threading
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    import runlog

    logging.basicConfig(level=logging.INFO, handlers=[runlog.RunLogHandler()])
    log = logging.getLogger("app")
"""


def entries(connection):
    """Return script, step and message of every entry, in order of the messages."""
    return connection.execute(
        "select script_name, step, message from logs join runs on runs.id = run_id"
        " where step not in ('START', 'END') order by message, script_name"
    ).fetchall()


def run(run_script, source, database, **env):
    script = run_script(START + source, env={"RUNLOG_DSN": database, **env})
    assert script.exit_code == 0, script.stdout + script.stderr
    assert "Traceback" not in script.stderr
    return script


@pytest.mark.guarantee("fork-threads")
def test_many_runs_at_once_in_one_process_never_mix(run_script, database, connection):
    """Runs in threads, tasks and a pool, nested and side by side: each record is its own run's."""
    run(run_script, """
    barrier = threading.Barrier(4)

    def work(name, rounds=20):
        with runlog.RunContext(name, lifecycle_logs=False):
            barrier.wait()
            for number in range(rounds):
                with runlog.step(name.upper()):
                    log.info("thread of %s", name)

    threads = [threading.Thread(target=work, args=[f"t{n}"]) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    async def task(name):
        async with runlog.RunContext(name, lifecycle_logs=False):
            for number in range(20):
                with runlog.step(name.upper()):
                    await asyncio.sleep(0)
                    log.info("task of %s", name)
                    await asyncio.to_thread(log.info, "to_thread of %s", name)
            await asyncio.gather(*(asyncio.create_task(child(name)) for _ in range(5)))

    async def child(name):
        await asyncio.sleep(0)
        log.info("child of %s", name)

    async def main():
        await asyncio.gather(*(task(f"a{n}") for n in range(3)))

    asyncio.run(main())

    with runlog.RunContext("outer", lifecycle_logs=False):
        log.info("before of outer")
        with runlog.RunContext("inner", lifecycle_logs=False):
            log.info("within of inner")
            context = contextvars.copy_context()
        log.info("after of outer")
        with ThreadPoolExecutor(2) as pool:
            pool.submit(log.info, "pool of outer").result()
            pool.submit(context.run, log.info, "context of inner").result()
    """, database)  # fmt: skip
    found = entries(connection)
    assert len(found) == 4 * 20 + 3 * (20 * 2 + 5) + 5
    for script, step, message in found:
        assert message.split()[-1] == script
        assert step in {script.upper(), "LOG"}


@pytest.mark.guarantee("fork-threads")
def test_threads_without_a_context_log_into_the_only_open_run(run_script, database, connection):
    """Plain threads, also those started before the run, and executors have no run of their own."""
    run(run_script, """
    begin, pool = threading.Event(), ThreadPoolExecutor(1)

    def early():
        begin.wait()
        log.info("early thread")

    thread = threading.Thread(target=early)
    thread.start()
    pool.submit(int).result()
    with runlog.RunContext("only", lifecycle_logs=False):
        begin.set()
        thread.join()
        pool.submit(log.info, "early pool").result()
        late = threading.Thread(target=log.info, args=["late thread"])
        late.start()
        late.join()
        timer = threading.Timer(0, log.info, ["timer"])
        timer.start()
        timer.join()
    pool.shutdown()
    """, database)  # fmt: skip
    assert entries(connection) == [
        ("only", "LOG", "early pool"),
        ("only", "LOG", "early thread"),
        ("only", "LOG", "late thread"),
        ("only", "LOG", "timer"),
    ]


@pytest.mark.guarantee("fork-threads")
def test_behind_a_queue_the_run_is_that_of_the_call(run_script, database, connection):
    """A QueueListener handles the records of two runs in its thread, late; each stays its own."""
    run(run_script, """
    import queue
    from logging.handlers import QueueHandler, QueueListener

    records = queue.Queue()
    root = logging.getLogger()
    listener = QueueListener(records, *root.handlers)
    root.handlers = [QueueHandler(records)]

    def work(name):
        with runlog.RunContext(name, lifecycle_logs=False), runlog.step(name.upper()):
            for _ in range(20):
                log.info("call of %s", name)

    threads = [threading.Thread(target=work, args=[f"t{n}"]) for n in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    listener.start()
    listener.stop()
    """, database)  # fmt: skip
    found = entries(connection)
    assert found == sorted(
        [(f"t{n}", f"T{n}", f"call of t{n}") for n in range(3)] * 20, key=lambda row: row[2]
    )


@pytest.mark.guarantee("fork-threads")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_log_into_the_run(run_script, database, connection, method):
    """Process, Pool and ProcessPoolExecutor, by every way of starting them: all entries, one run."""
    source = """
    def work(name):
        logging.getLogger("app").info("%s in a child", name)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        with runlog.RunContext("parent", lifecycle_logs=False) as run:
            os.environ["RUNLOG_RUN_ID"] = str(run.id)
            children = [context.Process(target=work, args=[f"process {n}"]) for n in range(3)]
            [child.start() for child in children]
            [child.join() for child in children]
            assert [child.exitcode for child in children] == [0, 0, 0]
            with context.Pool(2) as pool:
                pool.map(work, [f"pool {n}" for n in range(4)])
                pool.close()
                pool.join()
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                list(pool.map(work, [f"executor {n}" for n in range(4)]))
    """
    script = run_script(START + source, method, env={"RUNLOG_DSN": database}, timeout=90)
    assert script.exit_code == 0, script.stderr
    expected = [f"{kind} {n} in a child" for kind, count in
                (("executor", 4), ("pool", 4), ("process", 3)) for n in range(count)]  # fmt: skip
    assert entries(connection) == [("parent", "LOG", message) for message in expected]
    assert connection.execute("select script_name, status from runs").fetchall() == [
        ("parent", "success")
    ]


@pytest.mark.guarantee("fork-threads", "true-run")
def test_a_forked_child_ends_no_run_of_its_parent(run_script, database, connection):
    """A child that leaves the parent's block, by its end or by an exception, changes no row."""
    run(run_script, """
    def child():
        with runlog.RunContext("child", lifecycle_logs=False):
            log.info("in the child's own run")

    with runlog.RunContext("parent", lifecycle_logs=False):
        pids = []
        for number in range(3):
            pid = os.fork()
            if pid == 0:
                try:
                    log.info("child %d", number)
                    if number == 1:
                        child()
                    if number == 2:
                        raise SystemExit(3)
                finally:
                    runlog.flush()
                    sys.stdout.flush()
                    if number != 2:
                        os._exit(0)
            pids.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        assert codes == [0, 0, 3], codes
        log.info("parent")
    """, database)  # fmt: skip
    assert entries(connection) == [
        ("parent", "LOG", "child 0"),
        ("parent", "LOG", "child 1"),
        ("parent", "LOG", "child 2"),
        ("child", "LOG", "in the child's own run"),
        ("parent", "LOG", "parent"),
    ]
    rows = connection.execute("select script_name, status from runs order by 1").fetchall()
    assert rows == [("child", "success"), ("parent", "success")]


STORM = """
    stop = threading.Event()

    def chatter(number):
        count = 0
        while not stop.is_set():
            log.info("chatter %d %d", number, count)
            count += 1
            stop.wait(0.001)

    with runlog.RunContext("storm", lifecycle_logs=False):
        threads = [threading.Thread(target=chatter, args=[n]) for n in range(3)]
        [thread.start() for thread in threads]
        pids = []
        for child in range(20):
            pid = os.fork()
            if pid == 0:
                for line in range(10):
                    log.info("child %02d line %d", child, line, extra={"step": "CHILD"})
                # As many servers' workers end: without exit handlers, without a word to runlog.
                if child % 2:
                    runlog.flush()
                os._exit(0)
            pids.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        stop.set()
        [thread.join() for thread in threads]
        assert codes == [0] * 20, codes
"""


def storm(run_script, database, connection, repetitions):
    expected = [f"child {child:02d} line {line}" for child in range(20) for line in range(10)]
    for _ in range(repetitions):
        connection.execute("truncate logs, runs")
        run(run_script, STORM, database, RUNLOG_FLUSH_INTERVAL="0.05")
        # What children left that died without a word is delivered by whoever comes next.
        run(run_script, "\n    runlog.RunContext('next').start().finish()", database)
        found = connection.execute(
            "select message from logs where step = 'CHILD' order by message"
        ).fetchall()
        assert [row[0] for row in found] == expected
        strangers = {message.split()[0] for message in messages(connection)}
        assert strangers == {"child", "chatter", "Starting", "next"}
        statuses = connection.execute("select distinct status from runs").fetchall()
        assert statuses == [("success",)]


@pytest.mark.guarantee("fork-threads")
def test_twenty_forked_children_while_threads_log(run_script, database, connection):
    """20 children of ten lines each, forked while three threads log: 200 of 200, nothing hangs."""
    storm(run_script, database, connection, repetitions=3)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_forked_children_a_hundred_times(run_script, database, connection):
    """The same a hundred times over: 200 of 200 each time, nothing hangs."""
    storm(run_script, database, connection, repetitions=100)
