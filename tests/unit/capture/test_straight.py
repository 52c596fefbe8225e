"""The straight way and the careful way agree: the same bytes, the same claims, the same counts."""

from __future__ import annotations

import contextvars
import logging
import sys

import pytest
from kit.odd_calls import KEYS, KINDS, STEPS, Dice, Lines, Run, without_id

from runlog._capture.handler import RunLogHandler
from runlog._recorder import open_runs
from runlog._recorder.recorder import Recorder
from runlog._settings import resolve


class Ways:
    """Two handlers of one kind; the one goes straight where it can, the other never does."""

    def __init__(self, **given):
        self.handlers = []
        self.went_straight = 0
        for _ in range(2):
            handler = RunLogHandler("host=straight.invalid", enabled=False)
            recorder = Recorder(resolve({"dsn": "host=straight.invalid", **given}))
            recorder._spool = recorder._ready = Lines()
            handler._direct_to(recorder)
            self.handlers.append(handler)
        careful = self.handlers[1]
        careful._store_plain = lambda _: False
        straight, store = self.handlers[0], self.handlers[0]._store_plain

        def counted(record):
            done = store(record)
            self.went_straight += done
            return done

        straight._store_plain = counted

    def take(self, make):
        """What each way made of a record of its own: its lines, and what is counted."""
        told = []
        for handler in self.handlers:
            record = make()
            recorder = handler._recorder
            before = len(recorder._spool.lines)
            for _ in range(2):
                # Twice: a record is stored once however often it passes.
                handler.handle(record)
            lines = [without_id(line) for line in recorder._spool.lines[before:]]
            unbound = repr(recorder._unbound)
            told.append((lines, unbound, record.processName is handler._claims.mark))
        return told


NAMES = ("root", "app", "app.sub", "pass word", "psycopg", "a\tb", 'q"q', "token=abc123")
LEVELS = ((10, "DEBUG"), (20, "INFO"), (30, "WARNING"), (40, "ERROR"), (25, "NOTICE"), (20, "Info"))
MOMENTS = (0.0, 1.5, 1.8e9, 1_800_000_000.9999997, -1.0, 3e11)


class Records(Dice):
    """Draws records; the same ones for the same seed."""

    def record(self, name, message):
        """What ``some_record`` takes: plain in most respects, odd in some."""
        is_odd = self.random.random
        args = tuple(self.value() for _ in range(message.count("%") if is_odd() < 0.8 else 1))
        moment = self.random.choice(MOMENTS) if is_odd() < 0.2 else 1.8e9 + is_odd() * 100
        return some_record(
            self.random.choice(LEVELS),
            name,
            message,
            args,
            self.random.choice(STEPS),
            self.fields(KEYS, 4) if is_odd() < 0.8 else self.value(),
            self.fields(("n", "message", "tenant"), 1) if is_odd() < 0.1 else {},
            moment,
            self.random.choice(ODDITIES) if is_odd() < 0.15 else {},
        )


def some_record(level, name, message, args, step, meta, extras, created, odd):
    def make():
        record = logging.LogRecord(name, level[0], "x.py", 1, message, (), None, "f")
        # Afterwards: logging looks at a single argument itself.
        record.args, record.levelname, record.created = args, level[1], created
        for attribute, value in (("step", step), ("meta", meta), *extras.items()):
            if value is not None:
                setattr(record, attribute, value)
        for attribute, value in odd.items():
            setattr(record, attribute, value)
        return record

    return make


def an_error():
    try:
        {}["x"]
    except KeyError:
        return sys.exc_info()


ODDITIES = (
    *({"exc_info": an_error()}, {"stack_info": "Stack: x"}, {"exc_text": "text"}, {"args": ()}),
    *({"threadName": "runlog-shipper"}, {"threadName": None}, {"processName": "Other"}),
    *({"levelno": 20.0}, {"levelno": None}, {"levelno": []}, {"levelname": "CRITICAL"}),
    *({"msg": ("no", "text")}, {"msg": b"bytes"}, {"args": {"a": 1}}, {"created": None}),
)


@pytest.fixture
def make_ways():
    """Makes Ways, in a run; nothing is left of their handlers, which logging keeps a list of."""
    token = open_runs.run_variable.set(Run())
    before = logging._handlerList[:]
    yield Ways
    open_runs.run_variable.reset(token)
    logging._handlerList[:] = before


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_make_the_same_of_any_record(make_ways, kind, seed):
    """Bytes but for the id, redaction, order, claims and counters are the same."""
    dice, ways = Records(seed), make_ways(**KINDS[kind])
    for _ in range(100):
        # Several times each, with other values: what is remembered must not show.
        name, message = dice.random.choice(NAMES), dice.text()
        for _ in range(3):
            straight, careful = ways.take(dice.record(name, message))
            assert straight == careful


def test_plain_records_go_straight(make_ways):
    """The usual calls take the straight way, and give the same bytes as the careful one."""
    ways = make_ways()
    for number in range(10):
        for message, args, meta in (
            ("Fetched %d from page %d", (number, number), {"count": number, "a": "ada@x.org"}),
            ("GET %s -> %d in %.3f s", ("https://h/v3/x?page=2", 200, 0.5), {"seconds": 0.5}),
            (f"Processed {number} of 90", (), None),
            ("Ünïcode \\ and\ttabs", (), {"text": "a\nb", "none": None, "yes": True}),
        ):
            make = some_record((20, "INFO"), "app", message, args, "S", meta, {}, 1.8e9, {})
            straight, careful = ways.take(make)
            assert straight == careful
    # All but the first of a process or a key, from which the ways learn.
    assert ways.went_straight >= 36


@pytest.mark.parametrize("handed_down", [None, "", "no id", "0192f0c0-0000-7000-8000-0000000000ff"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_thread_without_a_context_is_of_the_same_run(make_ways, monkeypatch, count, handed_down):
    """The only open run, or the one handed down in the environment, whichever way is taken."""
    ways = make_ways()
    monkeypatch.setattr(open_runs.runs, "open", dict.fromkeys(map(str, range(count)), Run))
    if handed_down is not None:
        monkeypatch.setenv(open_runs.RUN_ID_VARIABLE, handed_down)
    for number in range(3):
        make = some_record((20, "INFO"), "app", "m %d", (number,), "S", None, {}, 1.8e9, {})
        straight, careful = contextvars.Context().run(ways.take, make)
        assert straight == careful
    # The first record of a process teaches the ways its name.
    assert ways.went_straight == (2 if count == 1 and handed_down is None else 0)


def test_what_the_straight_way_remembers_is_bounded(make_ways):
    """Texts, templates and names without end fill no memory."""
    ways = make_ways()
    straight = ways.handlers[0]._store_plain
    for number in range(5000):
        ways.take(some_record((20, "INFO"), "app", f"m {number}", (), "S", None, {}, 1e9, {}))
        ways.take(some_record((20, "INFO"), "app", f"{number} %d", (1,), "S", None, {}, 1e9, {}))
    kept = [cell.cell_contents for cell in _cells(straight)]
    assert all(len(it) <= 2048 for it in kept if isinstance(it, (set, dict)))


def _cells(function):
    seen, waiting = [], [function]
    while waiting:
        for cell in getattr(waiting.pop(), "__closure__", None) or ():
            if cell not in seen:
                seen.append(cell)
                waiting.append(cell.cell_contents)
    return seen
