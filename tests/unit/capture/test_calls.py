"""What is known of the call that made a LogRecord: nothing of it shows, and it goes with the record."""

from __future__ import annotations

import copy
import gc
import logging
import logging.handlers
import pickle
import queue
import subprocess
import sys

import pytest

import runlog
from runlog._capture import calls, once
from runlog._entry.fingerprint import fingerprint_of
from runlog.testing import capture

log = logging.getLogger("calls")


@pytest.fixture
def captured():
    with capture() as captured:
        yield captured


@pytest.fixture
def run(captured):
    with runlog.RunContext("calls", lifecycle_logs=False) as run:
        yield run


def make(**extra):
    return log.makeRecord("calls", 20, "x.py", 1, "hello %s", ("you",), None, "f", extra)


def queued(**extra):
    """A record as a QueueHandler leaves it for whoever reads its queue."""
    records = queue.SimpleQueue()
    logging.handlers.QueueHandler(records).handle(make(**extra))
    return records.get()


def test_a_record_looks_as_it_always_did(captured, run):
    """The same attributes in the same order, the same repr: formatters that print all see nothing."""
    plain = logging.LogRecord("calls", 20, "x.py", 1, "hello %s", ("you",), None, "f")
    plain.step = "S"
    made = make(step="S")
    runlog.RunLogHandler().handle(made)
    logging.handlers.QueueHandler(queue.SimpleQueue()).handle(made)
    # That one is of logging's own formatter.
    assert [name for name in made.__dict__ if name != "message"] == list(plain.__dict__)
    assert repr(made) == repr(plain)
    assert isinstance(made, logging.LogRecord)
    assert made.processName == plain.processName
    assert type(made.processName) is str


def test_the_class_of_a_record_can_be_assigned(captured, run):
    """As Sphinx does in a filter; behind the queue, run and step are still those of the call."""

    class Coloured(logging.LogRecord):
        pass

    with runlog.step("CALL"):
        early, late = make(), queued()
        early.__class__ = Coloured
        records = queue.SimpleQueue()
        logging.handlers.QueueHandler(records).handle(early)
    late.__class__ = Coloured
    with runlog.RunContext("another", lifecycle_logs=False) as another:
        log.handle(late)
        log.handle(records.get())
    assert [(entry.run_id, entry.step, entry.message) for entry in captured.entries] == [
        # Its class is not one whose copies remember, and QueueHandler queues a copy.
        (another.id, "LOG", "hello you"),
        (run.id, "CALL", "hello you"),
    ]


def test_a_record_handled_later_is_of_the_run_of_its_call(captured):
    """A MemoryHandler that is flushed after the run: the entry is still the run's."""
    memory = logging.handlers.MemoryHandler(100, target=runlog.RunLogHandler())
    log.addHandler(memory)
    log.propagate = False
    with runlog.RunContext("early", lifecycle_logs=False) as run, runlog.step("CALL"):
        log.info("buffered")
    assert captured.entries == []
    memory.close()
    log.removeHandler(memory)
    log.propagate = True
    assert [(entry.run_id, entry.step) for entry in captured.entries] == [(run.id, "CALL")]


def test_nothing_is_kept_of_a_record_that_is_gone(captured, run):
    """The table lets go of a record when everybody else does, also in a cycle."""
    gc.collect()
    before = len(calls.waiting.calls)
    kept = [queued() for _ in range(10)]
    kept.append(copy.copy(kept[0]))
    cyclic = queued()
    cyclic.me = cyclic
    assert len(calls.waiting.calls) == before + 12
    del cyclic
    kept.clear()
    gc.collect()
    assert len(calls.waiting.calls) == before


def test_a_record_is_stored_once_however_many_handlers_see_it(captured, run):
    """Handlers on a logger, on its parent and behind a queue have one recorder: one row."""
    records = queue.Queue()
    child, parent = logging.getLogger("calls.child"), log
    child.handlers = [runlog.RunLogHandler(), logging.handlers.QueueHandler(records)]
    parent.handlers = [runlog.RunLogHandler()]
    child.info("once")
    behind = runlog.RunLogHandler()
    while not records.empty():
        behind.handle(records.get())
    child.handlers, parent.handlers = [], []
    assert [entry.message for entry in captured.entries] == ["once"]


def test_two_databases_each_have_it(captured, run):
    """Handlers of two databases store the same record in both."""
    addresses = ("host=one.invalid", "host=two.invalid")
    log.handlers = [runlog.RunLogHandler(dsn=address) for address in addresses]
    log.info("twice")
    log.handlers = []
    recorders = [made for key, made in captured._recorders.items() if key[0] in addresses]
    assert [made._spool.entries.count_waiting() for made in recorders] == [1, 1]


def test_behind_a_queue_a_filter_still_counts(captured, run):
    """What a filter of the handler behind the queue makes of message and extras is stored."""
    records = queue.Queue()
    log.handlers, log.propagate = [logging.handlers.QueueHandler(records)], False
    error = ValueError("secret")
    extra = {"who": "secret", "where": "here"}
    log.error("told %s", "secret", exc_info=error, extra=extra)
    log.handlers, log.propagate = [], True
    behind = runlog.RunLogHandler()

    def hide(record):
        record.msg = "hidden"
        record.who = "hidden"
        return True

    behind.addFilter(hide)
    behind.handle(records.get())
    (entry,) = captured.entries
    assert "secret" not in f"{entry.message}{entry.meta}"
    carried = {"error_fingerprint": fingerprint_of(None, "hidden")}
    assert entry.meta == {"who": "hidden", "where": "here", "logger": "calls", **carried}


def test_a_pickled_record_needs_no_runlog(captured, run):
    """A reader without runlog gets a plain record; one with runlog the run of the call."""
    sent = pickle.dumps(queued(n=1))
    code = (
        "import pickle, sys; sys.modules['runlog'] = None; import logging\n"
        "record = pickle.loads(sys.stdin.buffer.read())\n"
        "assert type(record) is logging.LogRecord and record.getMessage() == 'hello you'\n"
    )
    subprocess.run([sys.executable, "-c", code], input=sent, check=True)
    with runlog.RunContext("another", lifecycle_logs=False):
        log.handle(pickle.loads(sent))
    (entry,) = captured.entries
    assert (entry.run_id, entry.message) == (run.id, "hello you")
    assert entry.meta == {"n": 1, "logger": "calls"}


def test_what_cannot_be_pickled_fails_as_before_and_not_because_of_runlog(captured, run):
    """A step that no pickle takes is left out; an extra that no pickle takes is the caller's."""
    with runlog.step(lambda: None):
        made = queued()
    assert pickle.loads(pickle.dumps(made)).getMessage() == "hello you"
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(queued(callback=lambda: None))


@pytest.mark.parametrize("name", ["MainProcess", "P", "", None])
def test_a_record_is_stored_once_whatever_its_process_is_called(captured, run, name, monkeypatch):
    """Also where the name of the process cannot carry a mark; with records logged in between."""
    monkeypatch.setattr(logging, "logMultiprocessing", name is not None)

    class Chatty(logging.Handler):
        def emit(self, record):
            if record.name == "calls":
                for number in range(1000):
                    logging.getLogger("chat").info("%d", number)

    def rename(record):
        record.processName = record.processName and name
        return True

    first = runlog.RunLogHandler()
    first.addFilter(rename)
    log.handlers = [first, Chatty()]
    root = logging.getLogger()
    root.addHandler(second := runlog.RunLogHandler())
    log.info("once")
    root.removeHandler(second)
    log.handlers = []
    assert [entry.message for entry in captured.entries if entry.step == "LOG"].count("once") == 1
    told = [entry.message for entry in captured.entries]
    assert sorted(told) == sorted(["once", *map(str, range(1000))])


def test_names_without_end_take_no_memory_without_end(captured, run):
    """A program that makes up names of processes is recorded as any other, in bounded tables."""
    handlers = [runlog.RunLogHandler(), runlog.RunLogHandler()]
    count = once._MOST_MARKS + 10
    for number in range(count):
        made = make()
        made.processName = f"Worker-{number}"
        for handler in handlers:
            handler.handle(made)
    assert len(captured.entries) == count
    assert len(once.marks.made) <= once._MOST_MARKS


@pytest.mark.parametrize(
    ("handler", "propagate", "is_stored"),
    [
        (None, True, True),
        (None, False, False),
        (logging.NullHandler(), False, False),
        (logging.StreamHandler(), False, True),
        (logging.handlers.MemoryHandler(1, 99), False, True),
    ],
)
def test_install_takes_what_the_program_would_show(handler, propagate, is_stored):
    """Records that reach the root, or a handler that takes their level; not what nobody would see."""
    with capture() as captured:
        runlog.install("shown", lifecycle_logs=False)
        log.handlers, log.propagate = [handler] if handler else [], propagate
        log.warning("x")
        if handler:
            handler.setLevel(logging.ERROR)
            log.warning("too low for the handler")
            handler.setLevel(logging.NOTSET)
        log.handlers, log.propagate = [], True
    assert [entry.message for entry in captured.entries] == ["x"] * is_stored


@pytest.mark.guarantee("never-raises")
def test_a_queue_takes_what_is_no_record_as_it_did_before(captured, run):
    """What a program hands to its own queue and runlog cannot remember goes through, unchanged."""

    class AsItIs(logging.handlers.QueueHandler):
        def prepare(self, record):
            return record

    records = queue.SimpleQueue()
    AsItIs(records).emit(odd := (1, 2))
    assert records.get() is odd


@pytest.mark.parametrize("name", ["relativeCreated", "taskName", "processName", "thread", "msecs"])
def test_extras_are_told_by_name(captured, run, name):
    """Whatever a filter takes off a record, and wherever a class puts its own: no extra is lost."""

    class Early(logging.LogRecord):
        def __init__(self, *args, **keywords):
            self.tenant = "acme"
            super().__init__(*args, **keywords)

    handler = runlog.RunLogHandler()
    for made in (make(count=3), make(count=3, page=7), make(step="S", meta={"a": 1}, count=3)):
        made.__dict__.pop(name, None)
        handler.handle(made)
    early = Early("calls", 20, "x.py", 1, "early", (), None, "f")
    early.count = 3
    handler.handle(early)
    backwards = dict(reversed(make(count=3, page=7).__dict__.items()))
    rebuilt = logging.makeLogRecord({})
    rebuilt.__dict__.clear()
    rebuilt.__dict__.update(backwards)
    handler.handle(rebuilt)
    assert [entry.meta for entry in captured.entries] == [
        {"count": 3, "logger": "calls"},
        {"count": 3, "page": 7, "logger": "calls"},
        {"a": 1, "count": 3, "logger": "calls"},
        {"tenant": "acme", "count": 3, "logger": "calls"},
        {"page": 7, "count": 3, "logger": "calls"},
    ]


def test_known_shapes_of_records_are_bounded():
    """A program that makes up names of extras without end does not fill the memory."""
    from runlog._capture import log_record

    for number in range(3000):
        log_record.extra_names(("name", f"extra{number}"))
    assert len(log_record._shapes) <= 1024
