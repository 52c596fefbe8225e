"""The straight way of an event and the careful one agree: the same bytes, the same counts."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
import structlog
from kit import odd_values
from kit.odd_calls import KEYS, KINDS, STEPS, Dice, Lines, Run, without_id

from runlog._capture.processor import RunLogProcessor
from runlog._recorder import open_runs
from runlog._recorder.recorder import Recorder
from runlog._settings import resolve

LOGGERS = (
    *(structlog.PrintLogger(), structlog.BytesLogger(), structlog.PrintLogger()),
    *(logging.getLogger("events"), logging.getLogger("psycopg"), object(), None),
)
METHODS = ("info", "info", "debug", "warning", "warn", "error", "notice", "exception", "odd", None)
NAMES = ("exc_info", "stack_info", "exception", "positional_args", "level_number", "_record")


class Ways:
    """Two processors of one kind; the one goes straight where it can, the other never does."""

    def __init__(self, **given):
        self.processors = []
        self.went_straight = 0
        for _ in range(2):
            processor = RunLogProcessor("host=straight.invalid", enabled=False, level="INFO")
            recorder = Recorder(resolve({"dsn": "host=straight.invalid", **given}))
            recorder._spool = recorder._ready = Lines()
            processor._direct_to(recorder)
            self.processors.append(processor)
        straight, careful = self.processors
        store, careful._store_plain = straight._store_plain, lambda *_: False

        def counted(*told):
            done = store(*told)
            self.went_straight += done
            return done

        straight._store_plain = counted

    def take(self, logger, method, event):
        """What each way made of the event, which stays as it is: its lines, and what is counted."""
        told = []
        for processor in self.processors:
            before, shape = len(processor._recorder._spool.lines), repr(list(event))
            assert processor(logger, method, event) is event
            assert repr(list(event)) == shape
            lines = processor._recorder._spool.lines[before:]
            told.append(
                ([without_moment(line) for line in lines], repr(processor._recorder._unbound))
            )
        return told


def without_moment(line):
    return [*line.split(b"\t")[1:2], *without_id(line)[-4:]]


def moments():
    """Stamps as processors before ours set them, and others."""
    now = dt.datetime.now(dt.UTC)
    return (
        *(now.isoformat().replace("+00:00", "Z"), now.isoformat(), now.timestamp(), now),
        *("yesterday", None, 5, "2026-01-02T03:04:05Z", now.strftime("%H:%M:%S")),
    )


class Events(Dice):
    """Draws events; the same ones for the same seed."""

    def event(self, method):
        is_odd = self.random.random
        event = {"event": self.text() if is_odd() < 0.9 else self.value()}
        if is_odd() < 0.5:
            event["step"] = self.random.choice(STEPS)
        event |= self.fields(KEYS, 4)
        if is_odd() < 0.7:
            event["level"] = method if is_odd() < 0.8 else self.random.choice(LEVELS)
        if is_odd() < 0.5:
            event["timestamp"] = self.random.choice(moments())
        if is_odd() < 0.1:
            event["meta"] = self.value()
        if is_odd() < 0.1:
            event[self.random.choice(NAMES)] = self.value()
        if is_odd() < 0.05:
            del event["event"]
        return event


LEVELS = ("info", "critical", "debug", 20, None, odd_values.EqualToAll(), "strange")


@pytest.fixture
def make_ways():
    """Makes Ways, in a run."""
    token = open_runs.run_variable.set(Run())
    yield Ways
    open_runs.run_variable.reset(token)


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_make_the_same_of_any_event(make_ways, kind):
    """Bytes but for id and moment, redaction, order and counters are the same."""
    dice, ways = Events(len(kind)), make_ways(**KINDS[kind])
    for _ in range(500):
        logger, method = dice.random.choice(LOGGERS), dice.random.choice(METHODS)
        straight, careful = ways.take(logger, method, dice.event(method))
        assert straight == careful


def test_plain_events_go_straight(make_ways):
    """The usual chain's events take the straight way, and give the same bytes as the careful one."""
    ways = make_ways()
    for number in range(10):
        stamp = dt.datetime.now(dt.UTC).isoformat().replace("+00:00", "Z")
        event = {"step": "F", "count": number, "url": f"https://h/{number}", "event": "Fetched"}
        told = ways.take(LOGGERS[0], "info", {**event, "level": "info", "timestamp": stamp})
        assert told[0] == told[1]
    # All but the first, from which the way learns the keys.
    assert ways.went_straight == 9


def test_what_ends_in_a_logger_of_logging_is_left_to_the_careful_way(make_ways):
    """Its record is the same event once more, and must be recognised."""
    ways = make_ways()
    for logger in (logging.getLogger("events"), object()):
        ways.take(logger, "info", {"event": "Fetched"})
    assert ways.went_straight == 0
