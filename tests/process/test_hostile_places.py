"""Logging where it hurts: no hang, no recursion, no loss, under a watchdog that shows the stacks."""

from __future__ import annotations

import pytest
from kit.recording import messages

START = """
    import faulthandler
    faulthandler.dump_traceback_later(40, exit=True)
    import atexit, gc, logging, logging.config, os, signal, sys, threading, time
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
"""
PLAIN = """
    logging.getLogger().addHandler(runlog.RunLogHandler())
"""
NEXT = """
    import runlog
    runlog.RunContext("next", lifecycle_logs=False).start().finish()
"""
QUICK = {"RUNLOG_FLUSH_INTERVAL": "0.01"}


@pytest.fixture
def survive(run_script, database, connection):
    """Run a script to a good end, then a next one, and return the messages of the first."""

    def survive(source, *, said=(), **env):
        script = run_script(START + source, env={"RUNLOG_DSN": database, **QUICK, **env})
        assert script.exit_code == 0, script.stdout + script.stderr
        assert [line for line in said if line not in script.stderr] == []
        assert said or "Traceback" not in script.stderr, script.stderr
        run_script(NEXT, env={"RUNLOG_DSN": database})
        statuses = connection.execute("select distinct status from runs").fetchall()
        assert statuses == [("success",)]
        return messages(connection)

    return survive


def numbered(text, count):
    return [f"{text} {number}" for number in range(count)]


@pytest.mark.guarantee("never-raises", "fork-threads")
def test_dict_config_while_shipping_and_logging(survive):
    """100 times dictConfig, which closes the handlers, while four threads log and all is shipped."""
    found = survive("""
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"runlog": {"class": "runlog.RunLogHandler"}},
        "root": {"handlers": ["runlog"], "level": "INFO"},
    }
    kept = runlog.RunLogHandler()
    steady = logging.getLogger("steady")
    steady.addHandler(kept)
    steady.propagate = False
    logging.config.dictConfig(config)

    def chatter(number):
        for line in range(300):
            steady.info("steady %d", number * 300 + line)

    with runlog.RunContext("dictConfig", lifecycle_logs=False):
        threads = [threading.Thread(target=chatter, args=[n]) for n in range(4)]
        [thread.start() for thread in threads]
        for number in range(100):
            logging.config.dictConfig(config)
            log.info("main %d", number)
        [thread.join() for thread in threads]
    """)
    assert sorted(found) == sorted([*numbered("main", 100), *numbered("steady", 1200)])


@pytest.mark.guarantee("never-raises", "fork-threads")
def test_dict_config_inside_logging_calls(survive):
    """Configuring, flushing and shutting logging down from several threads at once ends."""
    found = survive("""
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"runlog": {"class": "runlog.RunLogHandler"}},
        "loggers": {"other": {"handlers": ["runlog"]}},
    }

    def configure():
        for _ in range(50):
            logging.config.dictConfig(config)

    def flush():
        for _ in range(50):
            runlog.flush(5)
            [handler.flush() for handler in logging.getLogger().handlers]

    def shut_down():
        for _ in range(50):
            logging.shutdown()
    """ + PLAIN + """
    with runlog.RunContext("locks", lifecycle_logs=False):
        threads = [threading.Thread(target=work) for work in (configure, flush, shut_down)]
        [thread.start() for thread in threads]
        for number in range(500):
            log.info("main %d", number)
        [thread.join() for thread in threads]
    """)  # fmt: skip
    assert found == numbered("main", 500)


@pytest.mark.guarantee("never-raises")
def test_logging_in_del(survive):
    """Objects that log when they are collected, with a collection at nearly every allocation."""
    found = survive(PLAIN + """
    class Loud:
        def __init__(self, number):
            self.me, self.number = self, number
        def __del__(self):
            log.info("del %d", self.number, extra={"who": [self.number]})

    gc.set_threshold(1, 1, 1)
    with runlog.RunContext("del", lifecycle_logs=False):
        for number in range(300):
            Loud(number)
            log.info("main %d", number, extra={"meta": {"a": [1, {"b": number}]}})
        gc.collect()
    """)  # fmt: skip
    assert sorted(found) == sorted([*numbered("main", 300), *numbered("del", 300)])


@pytest.mark.guarantee("never-raises")
def test_logging_in_signal_handlers(survive):
    """Signals come anywhere in a log call, in opening the spool, in closing it; all is kept."""
    found = survive(
        PLAIN
        + """
    import itertools
    from runlog._recorder import registry as _process
    numbers = itertools.count()
    handled = threading.Semaphore()

    def handler(signum, frame):
        log.info("signal %d", next(numbers))
        handled.release()

    signal.signal(signal.SIGUSR1, handler)
    stop = threading.Event()

    def storm():
        # One at a time: signals that come faster than they are handled pile up in any program.
        while not stop.is_set():
            handled.acquire()
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.0002)

    with runlog.RunContext("signals", lifecycle_logs=False) as run:
        thread = threading.Thread(target=storm)
        thread.start()
        for number in range(3000):
            log.info("main %d", number)
            if number % 500 == 0:
                runlog.flush()
                run.count(fetched=1)
            if number % 700 == 0:
                # The next line opens a new spool.
                _process.close_all()
        stop.set()
        thread.join()
        log.info("signals in all: %d", next(numbers))
    """
    )
    said = [message for message in found if message.startswith("signals")]
    count = int(said[0].rpartition(" ")[2])
    assert count > 10
    assert sorted(found) == sorted([*numbered("main", 3000), *numbered("signal", count), said[0]])


@pytest.mark.guarantee("never-raises")
def test_logging_at_exit(survive):
    """Exit handlers registered before and after runlog's log into the run that `install` opened."""
    found = survive("""
    atexit.register(lambda: log.info("late"))
    run = runlog.install("exit", lifecycle_logs=False)
    atexit.register(lambda: log.info("early"))
    threading._register_atexit(lambda: log.info("threads"))
    """)
    assert sorted(found) == ["early", "late", "threads"]


@pytest.mark.guarantee("never-raises")
def test_logging_after_runlog_has_closed(survive):
    """What is logged when all is closed waits in a new spool for the next process."""
    found = survive(PLAIN + """
    run = runlog.RunContext("after", lifecycle_logs=False).start()
    log.info("in the script")

    class AtTheVeryEnd:
        def __del__(self, log=log):
            log.info("when modules are torn down")

    sys.modules["keeper"] = AtTheVeryEnd()
    from runlog._recorder import registry as _process
    runlog.flush()
    _process.close_all()
    log.info("after everything was closed")
    run.finish()
    """)  # fmt: skip
    assert found[:2] == ["in the script", "after everything was closed"]
    assert set(found[2:]) <= {"when modules are torn down"}


@pytest.mark.guarantee("never-raises", "fork-threads")
def test_daemon_threads_log_while_the_interpreter_ends(survive):
    """Threads that log until they are frozen: no hang, and what they logged before is there."""
    found = survive(PLAIN + """
    begun = threading.Barrier(4)

    def chatter(number):
        log.info("first of %d", number)
        begun.wait()
        while True:
            log.info("chatter")

    with runlog.RunContext("daemons", lifecycle_logs=False):
        for number in range(3):
            threading.Thread(target=chatter, args=[number], daemon=True).start()
        begun.wait()
    """)  # fmt: skip
    assert {f"first of {number}" for number in range(3)} <= set(found)
    assert set(found) <= {"chatter", *(f"first of {number}" for number in range(3))}


@pytest.mark.guarantee("never-raises")
def test_psycopg_at_debug_on_the_root_logger(survive):
    """What shipping itself logs is not shipped: the script ends, and its own lines are all there."""
    found = survive(
        PLAIN
        + """
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("psycopg", "psycopg.pool", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    import psycopg
    seen = logging.Handler(logging.DEBUG)
    seen.emit = lambda record: names.add(record.name.split(".")[0])
    names = set()
    logging.getLogger().addHandler(seen)
    with runlog.RunContext("psycopg", lifecycle_logs=False):
        for number in range(100):
            log.info("main %d", number)
            runlog.flush()
        with psycopg.connect(os.environ["RUNLOG_DSN"]) as mine:
            mine.execute("select 1")
        logging.getLogger("psycopg").warning("the program's own")
        logging.getLogger("my.psycopg").warning("stored")
    assert "psycopg" in names
    """
    )
    assert found[:100] == numbered("main", 100)
    # What the driver says on the program's thread is the program's; nothing of the shipper's.
    assert found[100].startswith("connection attempt: host")
    assert found[-2:] == ["the program's own", "stored"]
    assert len([line for line in found if line.startswith("connection attempt")]) == 1


@pytest.mark.guarantee("never-raises")
def test_objects_that_log_while_they_are_stored(survive):
    """A `__str__`, a `__repr__`, a filter and a property that log themselves: each line once."""
    found = survive(
        PLAIN
        + """
    class Loud:
        def __init__(self, number):
            self.number = number
        def __str__(self):
            log.info("str %d", self.number)
            return f"loud {self.number}"
        def __repr__(self):
            log.info("repr %d", self.number)
            return "Loud()"

    class Curious(logging.Filter):
        def filter(self, record):
            if record.msg == "main %s":
                log.info("filter %s", str(record.args[0].number))
            return True

    logging.getLogger().handlers[0].addFilter(Curious())
    with runlog.RunContext("objects", lifecycle_logs=False):
        for number in range(20):
            log.info("main %s", Loud(number), extra={"meta": {"loud": Loud(number)}})
    """
    )
    by_kind = {kind: [m for m in found if m.startswith(kind)] for kind in ("main", "filter")}
    assert by_kind["main"] == [f"main loud {number}" for number in range(20)]
    assert by_kind["filter"] == numbered("filter", 20)
    inner = {m for m in found if m.startswith(("str", "repr"))}
    assert {f"str {number}" for number in range(20)} <= inner
    assert len(found) < 200


@pytest.mark.guarantee("never-raises")
def test_an_object_that_logs_itself_ends(survive):
    """A `__str__` that logs the very object again recurses as far as Python allows, and no further."""
    found = survive(PLAIN + """
    class Snake:
        def __str__(self):
            log.info("snake %s", self)
            return "snake"

    with runlog.RunContext("snake", lifecycle_logs=False):
        try:
            log.info("snake %s", Snake())
        except RecursionError:
            pass
        log.info("alive")
    """, said=["runlog:"])  # fmt: skip
    assert found[-1] == "alive"


@pytest.mark.guarantee("never-raises")
def test_hooks_for_what_nobody_caught(survive):
    """Excepthooks of the process, of threads and for unraisable errors may log."""
    found = survive(PLAIN + """
    threading.excepthook = lambda args: log.error("thread", exc_info=args.exc_value)
    sys.unraisablehook = lambda args: log.error("unraisable", exc_info=args.exc_value)

    class Bad:
        def __del__(self):
            raise OSError("in del")

    with runlog.RunContext("hooks", lifecycle_logs=False):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        Bad()
        gc.collect()
    """)  # fmt: skip
    assert found == ["thread", "unraisable"]


@pytest.mark.guarantee("never-raises")
def test_without_standard_streams(survive):
    """Where stdout and stderr are closed or None, as under pythonw, nothing changes."""
    found = survive(PLAIN + """
    sys.stderr.flush()
    faulthandler.cancel_dump_traceback_later()
    sys.stdout = sys.stderr = sys.__stderr__ = None
    os.close(0)
    log.info("outside of any run: a notice that nobody can read")
    with runlog.RunContext("streams", lifecycle_logs=False):
        log.info("main %s and a %d", 1)
        log.info("main")
    """)  # fmt: skip
    assert found == ["main %s and a %d", "main"]


@pytest.mark.guarantee("never-raises", "fork-threads")
def test_threads_log_while_others_fork_and_configure(survive):
    """dictConfig, fork, threads and a QueueListener all at once: every counted line is there."""
    found = survive("""
    import queue
    from logging.handlers import QueueHandler, QueueListener
    faulthandler.cancel_dump_traceback_later()
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(40)
    records = queue.Queue()
    listener = QueueListener(records, runlog.RunLogHandler())
    listener.start()
    queued = logging.getLogger("queued")
    queued.addHandler(QueueHandler(records))
    queued.propagate = False
    queued.setLevel(logging.INFO)
    """ + PLAIN + """
    config = {"version": 1, "incremental": True, "loggers": {"app": {"level": "INFO"}}}

    def chatter(number):
        for line in range(200):
            queued.info("queued %d", number * 200 + line)
            log.info("plain %d", number * 200 + line)

    with runlog.RunContext("all", lifecycle_logs=False):
        threads = [threading.Thread(target=chatter, args=[n]) for n in range(3)]
        [thread.start() for thread in threads]
        for number in range(20):
            logging.config.dictConfig(config)
            pid = os.fork()
            if pid == 0:
                signal.alarm(30)
                log.info("child %d", number)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        [thread.join() for thread in threads]
        listener.stop()
    """)  # fmt: skip
    expected = [*numbered("queued", 600), *numbered("plain", 600), *numbered("child", 20)]
    assert sorted(found) == sorted(expected)
