"""structlog over logging whose methods somebody has wrapped: an event is stored once all the same."""

from __future__ import annotations

import functools
import logging
import signal

import pytest
import structlog

import runlog
from runlog.testing import capture

METHODS = ["callHandlers", "handle", "_log", "makeRecord", "info", "isEnabledFor"]


@pytest.fixture
def captured():
    with capture("DEBUG") as captured, runlog.RunContext("wrapped", lifecycle_logs=False):
        logging.getLogger("app").handlers = [runlog.RunLogHandler()]
        yield captured
    logging.getLogger("app").handlers = []
    structlog.reset_defaults()


def messages(captured):
    return [entry.message for entry in captured.entries]


def configure(factory=None, *processors):
    structlog.configure(
        processors=[runlog.RunLogProcessor(), *processors, structlog.processors.JSONRenderer()],
        logger_factory=factory or structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger("app")


@pytest.mark.parametrize("method", METHODS)
def test_a_tracer_around_a_method(captured, monkeypatch, method):
    """As Sentry's, Datadog's and New Relic's integrations wrap them."""
    original = getattr(logging.Logger, method)

    @functools.wraps(original)
    def traced(self, *args, **keywords):
        return original(self, *args, **keywords)

    monkeypatch.setattr(logging.Logger, method, traced)
    log = configure()
    log.info("one", count=3)
    log.warning("two")
    logging.getLogger("app").info("three")
    assert messages(captured) == ["one", "two", "three"]


def test_other_objects_as_the_wrapped_logger(captured):
    """An adapter, an object of one's own, a subclass with decorated methods: once."""

    class Own:
        def info(self, text):
            self.pass_on(text)

        def pass_on(self, text):
            logging.getLogger("app").info(text)

    class Child(logging.Logger):
        def info(self, *args, **keywords):
            super().info(*args, **keywords)

    child = Child("app")
    child.parent = logging.getLogger("app")
    for logger in (logging.LoggerAdapter(logging.getLogger("app")), Own(), child):
        configure(lambda *_, logger=logger: logger).info("event")
    assert messages(captured) == ["event"] * 3


def test_a_tracer_that_logs_itself_is_stored_too(captured, monkeypatch):
    """What a wrapper logs with a logger of its own is a record of its own."""
    tracer = logging.getLogger("tracer")
    tracer.handlers = [runlog.RunLogHandler()]
    original = logging.Logger.handle

    def traced(self, record):
        if record.name != "tracer":
            tracer.info("traced")
        return original(self, record)

    monkeypatch.setattr(logging.Logger, "handle", traced)
    configure().info("event")
    tracer.handlers = []
    assert sorted(messages(captured)) == ["event", "traced"]


def test_a_signal_in_between_is_stored_too(captured, monkeypatch):
    """A handler that logs between the chain and the event's record has a record of its own."""
    before = signal.signal(
        signal.SIGUSR1, lambda _signum, _frame: logging.getLogger("app").info("signalled")
    )
    original = logging.Logger.isEnabledFor
    struck = []

    def interrupted(self, level):
        if not struck:
            struck.append(1)
            signal.raise_signal(signal.SIGUSR1)
        return original(self, level)

    log = configure()
    monkeypatch.setattr(logging.Logger, "isEnabledFor", interrupted)
    try:
        log.info("event")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert sorted(messages(captured)) == ["event", "signalled"]
