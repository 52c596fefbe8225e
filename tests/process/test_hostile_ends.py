"""Logging while the program ends, forks or has no streams: no hang, no loss."""

from __future__ import annotations

import pytest
from kit.surviving import PLAIN, numbered


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


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize(
    "last",
    [
        "holder.it = Last()",
        "holder.it = Last(); holder.it.itself = holder.it; del holder",
        "gc.callbacks.append(lambda phase, info, say=say: say())",
        "weakref.finalize(Last, say).atexit = False; holder.it = Last()",
        "sys.modules['last'] = Last()",
        "holder.it = Last(runlog.flush)",
    ],
    ids=["global", "cycle", "collection", "weak", "module", "flush"],
)
def test_what_the_teardown_of_modules_logs(survive, last):
    """What is collected when no thread can begin and nothing be imported logs without a hang, as long as logging itself is there."""
    found = survive(PLAIN + f"""
    import types, weakref
    holder, say = types.SimpleNamespace(), lambda log=log: log.info("at the very end")

    class Last:
        def __init__(self, then=lambda *timeout: None):
            self.then = then

        def __del__(self, say=say):
            say()
            self.then(0.1)

    runlog.install("teardown", lifecycle_logs=False)
    log.info("in the script")
    {last}
    """, said=[""])  # fmt: skip
    assert found[0] == "in the script"
    assert set(found[1:]) <= {"at the very end"}


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
