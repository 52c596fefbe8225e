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
from runlog import _calls
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


def test_a_record_looks_as_it_always_did(captured, run):
    """The same attributes in the same order, the same repr: formatters that print all see nothing."""
    plain = logging.LogRecord("calls", 20, "x.py", 1, "hello %s", ("you",), None, "f")
    plain.step = "S"
    made = make(step="S")
    assert list(made.__dict__) == list(plain.__dict__)
    assert repr(made) == repr(plain)
    assert isinstance(made, logging.LogRecord)


def test_the_class_of_a_record_can_be_assigned(captured, run):
    """As Sphinx does in a filter; its run and step are still those of the call."""

    class Coloured(logging.LogRecord):
        pass

    with runlog.step("CALL"):
        made = make()
    made.__class__ = Coloured
    with runlog.RunContext("another", lifecycle_logs=False):
        log.handle(made)
    (entry,) = captured.entries
    assert (entry.run_id, entry.step, entry.message) == (run.id, "CALL", "hello you")


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
    before = len(_calls._calls)
    kept = [make() for _ in range(10)]
    kept.append(copy.copy(kept[0]))
    cyclic = make()
    cyclic.me = cyclic
    assert len(_calls._calls) == before + 12
    del cyclic
    kept.clear()
    gc.collect()
    assert len(_calls._calls) == before


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
    assert entry.meta == {"who": "hidden", "where": "here", "logger": "calls"}


def test_a_pickled_record_needs_no_runlog(captured, run):
    """A reader without runlog gets a plain record; one with runlog the run of the call."""
    sent = pickle.dumps(copy.copy(make(n=1)))
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
        made = make()
    assert pickle.loads(pickle.dumps(made)).getMessage() == "hello you"
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(make(callback=lambda: None))


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
