"""What stands where logging or structlog put their own is odd, or nothing: the call is stored."""

import itertools
import logging
import sys

import pytest
from kit.odd_calls import Lines, Run
from kit.odd_values import HOSTILE

from runlog._capture.handler import RunLogHandler
from runlog._capture.processor import RunLogProcessor
from runlog._recorder import open_runs
from runlog._recorder.recorder import Recorder
from runlog._settings import resolve

MISSING = object()
# Makers: not even pytest can hold the objects themselves.
ODD = [*HOSTILE, *(lambda it=it: it for it in (MISSING, None, 7, [1], {}, "", "x", 10**5000))]
ATTRIBUTES = [*logging.LogRecord("", 0, "", 0, "", (), None).__dict__, "step", "meta"]
KEYS = [
    *("event", "level", "logger", "timestamp", "step", "meta", "exc_info", "exception", "stack"),
    *("stack_info", "positional_args", "level_number", "_name", "_logger", "_from_structlog"),
]


@pytest.fixture
def taker():
    """Make a handler or a processor, and the lines that it writes."""
    token = open_runs.run_variable.set(Run())

    def make(kind):
        made = kind("host=odd.invalid", enabled=False)
        recorder = Recorder(resolve({"dsn": "host=odd.invalid"}))
        recorder._spool = recorder._ready = lines = Lines()
        made._direct_to(recorder)
        return made, lines.lines

    yield make
    open_runs.run_variable.reset(token)


def with_field(fields, name, make):
    value = make()
    if value is MISSING:
        fields.pop(name, None)
    else:
        fields[name] = value


def records(name, make):
    """Records of every way to be stored: plain ones, and those that are looked at closely."""
    try:
        int("told")
    except ValueError:
        caught = sys.exc_info()
    for level, message, args, exc_info, extra in (
        *((20, "m", (), None, {}), (20, "m %s", ("a",), None, {}), (40, "m", (), caught, {})),
        *((20, "m %s %s", ("a",), None, {}), (20, "m", (), None, {"extra": 1})),
    ):
        record = logging.LogRecord("app", level, "/app.py", 3, message, args, exc_info)
        record.__dict__.update(extra)
        with_field(record.__dict__, name, make)
        yield record


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_record_is_stored_once_whatever_one_attribute_is(taker, name):
    """By the straight way and the careful one, twice handled."""
    handler, lines = taker(RunLogHandler)
    for make, record in ((it, record) for it in ODD for record in records(name, it)):
        lines.clear()
        for _ in range(2):
            handler.handle(record)
        assert len(lines) == 1, (name, make)
        assert b"not encoded" not in lines[0]


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("name", [*KEYS, "the method"])
def test_an_event_is_stored_whatever_one_key_is(taker, name):
    """Printed or handed to logging, of structlog or of a logger that structlog formats."""
    processor, lines = taker(RunLogProcessor)
    more = ({}, {"exc_info": ValueError("told"), "logger": "x"}, {"positional_args": (1,)})
    for make, logger, added in itertools.product(ODD, (logging.getLogger("app"), object()), more):
        lines.clear()
        event, method = {"event": "m %s", "count": 3, **added}, "warning"
        if name == "the method":
            method = make()
        else:
            with_field(event, name, make)
        before = dict(event)
        assert processor(logger, method, event) is event
        assert list(map(id, event.values())) == list(map(id, before.values()))
        assert len(lines) == 1, (name, make, added)
        assert b"not encoded" not in lines[0]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_record_that_structlog_formats_is_stored_whatever_one_attribute_is(taker, name):
    """The processor stands behind the formatter, which itself may refuse the record."""
    processor, lines = taker(RunLogProcessor)
    for make, record in ((it, record) for it in ODD for record in records(name, it)):
        lines.clear()
        event = {"event": "m", "_record": record, "_from_structlog": False}
        assert processor(None, None, event) is event
        assert len(lines) == 1, (name, make)


@pytest.mark.parametrize("name", ["threadName", "name", "exc_info"])
def test_what_an_odd_record_says_is_kept(taker, name):
    """Message, level, step and extras are those of the call."""
    handler, lines = taker(RunLogHandler)
    for make in HOSTILE:
        record = logging.LogRecord("app", 30, "/app.py", 3, "page %d", (7,), None)
        record.step, record.count = "FETCH", 150
        with_field(record.__dict__, name, make)
        handler.handle(record)
        fields = lines[-1].split(b"\t")
        assert fields[3:6] == [b"WARNING", b"FETCH", b"page 7"]
        assert b'"count":150' in fields[6]
