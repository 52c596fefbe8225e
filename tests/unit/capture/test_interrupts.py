"""What a signal handler raises reaches the program, wherever in a log call it strikes."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

import pytest

import runlog
from runlog._process.interrupts import is_interrupt
from runlog.testing import capture

PACKAGE = Path(runlog.__file__).parent
# Writing has its own rules for what comes between, and its own tests.
ROOMS = tuple(str(PACKAGE / room) for room in ("_capture", "_entry"))


class SoftTimeLimitError(Exception):
    """As Celery's: made of its class alone."""


class Odd:
    def __repr__(self):
        return f"Odd({len('x')})"


def odd_call(log):
    log.warning(
        "token=%s for %s",
        "abc123",
        Odd(),
        extra={
            "step": "S",
            "meta": {"password": "x", "odd": Odd(), "list": [1.5, {1: {2}}]},
            "n": 1,
        },
    )


@pytest.fixture
def log():
    log = logging.getLogger("interrupts")
    with capture() as captured:
        log.addHandler(runlog.RunLogHandler())
        with runlog.RunContext("interrupts", lifecycle_logs=False):
            log.captured = captured
            # The spool is open: what happens while it is being opened is tested with it.
            log.warning("plain")
            yield log
        log.handlers = []


@pytest.fixture(params=[TimeoutError, SoftTimeLimitError, ValueError])
def strike(request):
    """Strike with a signal at the n-th line that a call runs in the rooms; False if it has fewer."""

    def handler(signum, frame):
        raise request.param

    def strike(number, action):
        left = number

        def trace(frame, event, _):
            nonlocal left
            if not frame.f_code.co_filename.startswith(ROOMS):
                return None
            left -= event == "line"
            if left == 0:
                sys.settrace(None)
                signal.raise_signal(signal.SIGUSR1)
            return trace

        before = signal.signal(signal.SIGUSR1, handler)
        sys.settrace(trace)
        try:
            action()
        except request.param:
            return True
        finally:
            sys.settrace(None)
            signal.signal(signal.SIGUSR1, before)
        assert left > 0, f"swallowed at line {number}"
        return False

    return strike


def test_it_reaches_the_program_from_every_line(log, strike):
    """At whatever line of ours it strikes: the call raises it, and the next call is whole."""
    number = 1
    while strike(number, lambda: odd_call(log)):
        # Near each line once, far from quick: some of the lines are enough for each kind.
        number += 3
    assert number > 300
    for logger, step in ((log, "S"), (logging.getLogger("interrupts"), "S")):
        logger.warning("plain", extra={"step": step, "meta": {"a": 1}})
        entry = log.captured.entries[-1]
        assert (entry.message, entry.step) == ("plain", "S")
        assert entry.meta == {"a": 1, "logger": "interrupts"}
    assert {entry.message for entry in log.captured.entries} == {
        "plain",
        "token=[redacted] for Odd(1)",
    }


def test_errors_of_the_programs_objects_do_not(log):
    """What an object's own methods raise becomes a mark, also a TimeoutError and a bare class."""

    class Failing:
        def __init__(self, error):
            self.error = error

        def __repr__(self):
            raise self.error

    for error in (TimeoutError, SoftTimeLimitError, OSError("x")):
        log.warning("%s", 1, extra={"meta": {"odd": Failing(error)}})
    marks = [entry.meta["odd"] for entry in log.captured.entries[1:]]
    assert all(mark.startswith("<unrepresentable Failing: repr raised") for mark in marks)


@pytest.mark.parametrize("kind", ["function", "method", "variadic", "partial"])
def test_every_kind_of_handler_is_known(kind):
    """Functions, bound methods, wrappers of any arguments: told by the frame that they are given."""
    import functools

    class Alarm:
        def ring(self, _signum, _frame):
            raise TimeoutError

    def ring(signum, frame):
        raise TimeoutError

    def variadic(*given):
        ring(*given)

    handlers = {
        "function": ring,
        "method": Alarm().ring,
        "variadic": variadic,
        "partial": functools.partial(Alarm.ring, Alarm()),
    }
    before = signal.signal(signal.SIGUSR1, handlers[kind])
    try:
        with pytest.raises(TimeoutError) as raised:
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert is_interrupt(raised.value)
    assert not is_interrupt(TimeoutError())


def test_near_the_recursion_limit_nothing_is_remembered_that_is_damaged(log):
    """Step, logger and keys that are first seen where the stack ends are whole the next time."""

    def deep(frames, number):
        if frames:
            deep(frames - 1, number)
            return
        loggers[number].warning(
            "deep", extra={"step": f"step{number}", "meta": {f"key{number}": "a:b"}}
        )

    # Made beforehand: what logging itself leaves half-made at the limit is not our subject.
    loggers = [logging.getLogger(f"interrupts.deep{number}") for number in range(60)]
    limit = sys.getrecursionlimit()
    depth = 0
    frame = sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    numbers = range(60)
    sys.setrecursionlimit(depth + 150)
    try:
        for number in numbers:
            try:
                deep(148 - number, number)
            except RecursionError:
                continue
    finally:
        sys.setrecursionlimit(limit)
    before = len(log.captured.entries)
    for number in numbers:
        deep(0, number)
    again = log.captured.entries[before:]
    assert [(entry.message, entry.step, entry.meta) for entry in again] == [
        (
            "deep",
            f"step{number}",
            {f"key{number}": "a:b", "logger": f"interrupts.deep{number}"},
        )
        for number in numbers
    ]
