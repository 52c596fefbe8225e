"""What programs put in the place of logging's own ways has the last word: records, filters, names."""

from __future__ import annotations

import copy
import logging
import logging.handlers
import queue

import pytest
import structlog

import runlog
from runlog.testing import capture


@pytest.fixture
def log():
    """Return a logger; ``alone`` keeps its records from pytest, which raises what it cannot format."""
    log = logging.getLogger("own-ways")
    log.setLevel(logging.DEBUG)
    yield log
    log.handlers.clear()
    log.propagate = True


def alone(log, *handlers):
    log.propagate = False
    log.handlers[:] = handlers


@pytest.fixture
def captured():
    with capture("DEBUG") as captured, runlog.RunContext("own-ways", lifecycle_logs=False):
        yield captured


def messages(captured):
    return [entry.message for entry in captured.entries]


class Braces(logging.LogRecord):
    """The usual way to have another format than ``%``."""

    def getMessage(self):  # noqa: N802 - logging's name
        return str(self.msg).format(*self.args or (), **self.__dict__)


def test_a_record_words_its_message_itself(captured, log):
    """Also where there are no arguments, and where its way of doing so fails."""
    alone(log, runlog.RunLogHandler())
    for message, args in (("{} of {}", (1, 2)), ("by {name}", ()), ("{missing}", ())):
        log.handle(Braces("own", logging.INFO, "/app.py", 1, message, args, None))
    plain = logging.LogRecord("own", logging.INFO, "/app.py", 1, "plain", (), None)
    plain.getMessage = lambda: "of its own"
    log.handle(plain)
    assert messages(captured) == ["1 of 2", "by own", "{missing}", "of its own"]


def test_a_queue_does_not_word_it_again(captured, log):
    """Behind a QueueHandler the message is the one of the call."""
    waiting = queue.SimpleQueue()
    log.addHandler(logging.handlers.QueueHandler(waiting))
    log.handle(Braces("own", logging.INFO, "/app.py", 1, "by {name}", (), None))
    log.handle(Braces("own", logging.INFO, "/app.py", 1, "{{}}", (), None))
    handler = runlog.RunLogHandler()
    while not waiting.empty():
        handler.handle(waiting.get())
    assert messages(captured) == ["by own", "{}"]


class Choosing(runlog.RunLogHandler):
    """Filters by a method of its own, and says yes in a way of its own."""

    def filter(self, record):
        return "yes" if "keep" in record.getMessage() else ""


def test_a_handler_filters_by_its_own_method(captured, log):
    """As logging's own handlers do, which ask it of every record; what is no record just says yes."""
    alone(log, Choosing())
    log.info("keep this")
    log.info("drop this")
    assert messages(captured) == ["keep this"]


def replaced(record):
    other = copy.copy(record)
    other.msg = "replaced"
    return other


def rebuilt(record):
    return logging.LogRecord(
        record.name, record.levelno, record.pathname, record.lineno, "rebuilt", None, None
    )


class Replacing(runlog.RunLogHandler):
    """Hands on another record, as filters may since Python 3.12."""

    def __init__(self, replace):
        super().__init__()
        self.replace = replace

    def filter(self, record):
        return self.replace(record)


@pytest.mark.parametrize("replace", [replaced, rebuilt], ids=lambda it: it.__name__)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("is_queued", [False, True], ids=["at once", "from a queue"])
def test_a_record_that_a_filter_replaces_is_stored_once(
    captured, log, replace, is_first, is_queued
):
    """Whoever comes first stores it: the handler that replaces it, or the one that does not."""
    handlers = [Replacing(replace), runlog.RunLogHandler()]
    handlers = handlers if is_first else handlers[::-1]
    waiting = queue.SimpleQueue()
    alone(log, *([logging.handlers.QueueHandler(waiting)] if is_queued else handlers))
    with runlog.step("FETCH"):
        log.info("as it came")
    if is_queued:
        record = waiting.get()
        for handler in handlers:
            handler.handle(record)
    said = replace.__name__ if is_first else "as it came"
    assert [(entry.step, entry.message) for entry in captured.entries] == [("FETCH", said)]


def test_what_a_queue_cannot_take_is_told_as_ever(captured, log, capsys):
    """``handleError`` prints the frames of the program, not those of logging or runlog."""
    alone(log, logging.handlers.QueueHandler(queue.SimpleQueue()))
    runlog.RunLogHandler()
    log.info("%s %s", "one")  # noqa: PLE1206 - that is the fault
    told = capsys.readouterr().err
    assert "not enough arguments" in told
    assert "runlog/_capture" not in told
    assert told.partition("Call stack:")[2].count("logging/__init__.py") == 0
    assert messages(captured) == []


class OddEvent(dict):
    """A dict whose methods do not work."""

    def get(self, *_):
        raise RuntimeError

    __getitem__ = __contains__ = __iter__ = keys = items = pop = copy = get


class Nameless(structlog.PrintLogger):
    """A logger of the program's that does not say how it is called."""

    @property
    def name(self):
        raise RuntimeError


def test_an_event_of_any_class_from_any_logger(captured, capsys):
    """Neither the event's methods nor the logger's properties cost the entry."""
    logger = structlog.wrap_logger(
        Nameless(),
        processors=[
            lambda *args: OddEvent(args[2]),
            runlog.RunLogProcessor(),
            lambda *_: "printed",
        ],
    )
    logger.info("fetched", count=3)
    assert [(entry.message, entry.meta) for entry in captured.entries] == [
        ("fetched", {"count": 3})
    ]
    assert capsys.readouterr() == ("printed\n", "")


@pytest.mark.parametrize("to", ["message", "msg"])
def test_an_event_that_was_renamed_is_the_message(captured, to):
    """``EventRenamer`` stands before the processor as well as behind it."""
    renamer = structlog.processors.EventRenamer(to)
    logger = structlog.wrap_logger(
        structlog.ReturnLogger(), processors=[renamer, runlog.RunLogProcessor()]
    )
    logger.info("fetched", count=3)
    assert [(entry.message, entry.meta) for entry in captured.entries] == [
        ("fetched", {"count": 3})
    ]
