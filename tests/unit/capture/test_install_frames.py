"""install() changes nothing of what handlers see when they look at the frames of a call."""

from __future__ import annotations

import logging
import sys

import pytest

import runlog
from runlog.testing import capture


class Looking(logging.Handler):
    """Notes the frames below it, up to the test's own, as loguru's InterceptHandler walks them."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, _record):
        frame = sys._getframe()
        while frame.f_code.co_name != "call":
            self.seen.append((frame.f_code.co_filename, frame.f_code.co_name))
            frame = frame.f_back

    def filter(self, record):
        self.emit(record)
        return True


@pytest.fixture
def log():
    log = logging.getLogger("frames")
    log.setLevel(logging.INFO)
    yield log
    log.handlers, log.filters = [], []


def call(log):
    log.info("looked at")


def test_a_handler_sees_the_frames_that_are_always_there(log):
    """Between the call and the handler there are logging's own frames and no other."""
    handler = Looking()
    log.addHandler(handler)
    call(log)
    before, handler.seen = handler.seen, []
    with capture() as captured:
        runlog.install("frames", lifecycle_logs=False)
        call(log)
    assert handler.seen == before
    assert [entry.message for entry in captured.entries] == ["looked at"]


def test_a_filter_of_a_logger_finds_the_caller(log):
    """Whoever goes down to the first frame that is not logging's finds the call."""
    looking = Looking()
    log.addFilter(looking)
    with capture():
        runlog.install("frames", lifecycle_logs=False)
        call(log)
    files = {name for name, function in looking.seen if function != "emit"} - {__file__}
    assert files == {logging.__file__}


def test_what_a_filter_drops_is_not_stored(log):
    """A logger's filters have the first word, also where they hand on another record."""
    log.addFilter(lambda record: record.msg != "dropped")
    log.addHandler(logging.NullHandler())
    with capture() as captured:
        runlog.install("frames", lifecycle_logs=False)
        log.info("dropped")
        log.info("kept")
    assert [entry.message for entry in captured.entries] == ["kept"]
