"""The straight way and the careful way agree: the same bytes, the same claims, the same counts."""

from __future__ import annotations

import gc
import logging
import random
import sys

import pytest
from kit import odd_values
from kit.secret_corpus import LEAKS, LOOKALIKES

from runlog._capture.handler import RunLogHandler
from runlog._recorder import open_runs
from runlog._recorder.recorder import Recorder
from runlog._settings import resolve


class Lines:
    """Takes lines as a spool does, and keeps them."""

    lowest_level = 0
    is_sealed = False

    def __init__(self):
        self.lines = []

    def take(self, line):
        self.lines.append(line)
        return True


class Run:
    id_text = "0192f0c0-0000-7000-8000-000000000000"


def without_id(line):
    fields = line.split(b"\t")
    # A moment that is none becomes now, and is kept in meta.
    return fields[3:] if b'"created":' in line.lower() else fields[1:]


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


KINDS = {
    "plain": {},
    "own keys": {"redact_keys": ["customer_iban"]},
    "patterns": {"redact_patterns": [r"DE\d+"]},
    "callback": {"redact_callback": str.upper},
    "no redaction": {"redact": False},
    "small entries": {"max_entry_bytes": 4096},
}
NAMES = ("root", "app", "app.sub", "pass word", "psycopg", "a\tb", 'q"q', "token=abc123")
PIECES = (
    *(
        *LEAKS,
        *LOOKALIKES,
        "Fetched %d from page %d",
        "%s -> %s",
        "ya%d.abcdefghijklmnop",
        "%d:AA%s",
    ),
    *(
        "a b",
        "%",
        "%%",
        "%d",
        "%s",
        "%x",
        "%(a)s",
        "\\",
        "\n",
        "\t",
        "\0",
        "\ud800",
        "é",
        "token: %s",
    ),
    *(
        "sk_%s",
        "page %d, then %d)",
        " - ",
        ":",
        "=",
        "customer_iban: DE1",
        "",
        "plain words",
        "x" * 300,
    ),
)
ODD = (
    *(odd_values.RaisingRepr(), odd_values.WrongText(), odd_values.OddItems(a=1), object, len),
    *(odd_values.EqualToAll(), odd_values.Colour.RED, odd_values.Level.LOW, odd_values.circular()),
    *(10**30, -(2**63), 2**64, float("nan"), float("inf"), 1.5, -0.0, True, None, b"\xff", b"text"),
    *(
        {1: 2},
        {"a": [1, {"b": "token=abc123"}]},
        [1, "two", None],
        (1, 2),
        {3},
        "y" * 5000,
        "\ud800",
    ),
    *(
        "0192f0c0-0000-7000-8000-000000000000",
        "2026-01-02T03:04:05.123+00:00",
        "2026-01-02",
        "10:00",
    ),
)
KEYS = ("count", "page", "url", "id", "token", "logger", "a b", "customer_iban", 5, "k" * 300)
LEVELS = ((10, "DEBUG"), (20, "INFO"), (30, "WARNING"), (40, "ERROR"), (25, "NOTICE"), (20, "Info"))
STEPS = (None, None, "FETCH", " a\tb ", "", 5, "token=abc123", odd_values.Colour.RED, "s" * 300)
MOMENTS = (0.0, 1.5, 1.8e9, 1_800_000_000.9999997, -1.0, 3e11)


class Dice:
    """Draws records; the same ones for the same seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        pieces = self.random.choices(PIECES, k=self.random.randint(1, 3))
        return self.random.choice((" ", "")).join(pieces)

    def value(self):
        kind = self.random.random()
        if kind < 0.4:
            return self.random.randint(-5, 10**6)
        return self.text() if kind < 0.7 else self.random.choice(ODD)

    def fields(self, names, most):
        chosen = self.random.sample(names, self.random.randint(0, most))
        return {name: self.value() for name in chosen}

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
    yield Ways
    open_runs.run_variable.reset(token)
    gc.collect()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_make_the_same_of_any_record(make_ways, kind, seed):
    """Bytes but for the id, redaction, order, claims and counters are the same."""
    dice, ways = Dice(seed), make_ways(**KINDS[kind])
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
