"""Logging where it hurts: no hang, no recursion, no loss, under a watchdog that shows the stacks."""

from __future__ import annotations

import pytest
from kit.surviving import PLAIN, numbered


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
def test_threads_with_small_stacks(survive):
    """Where a program gives its threads the smallest stacks there are, ours have enough to live, and its own stay as small."""
    found = survive(PLAIN + """
    threading.stack_size(32768)
    with runlog.RunContext("small", lifecycle_logs=False) as run:
        log.info("delivered")
        assert runlog.flush(30)
        assert run.since is None
    assert threading.stack_size() == 32768
    """)  # fmt: skip
    assert found == ["delivered"]
