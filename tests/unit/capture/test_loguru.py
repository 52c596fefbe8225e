"""RunLogHandler as a sink of loguru: the row is made from the call, not from the formatted line."""

from __future__ import annotations

import loguru
import pytest

import runlog
from runlog._entry.fingerprint import fingerprint_of
from runlog.testing import capture


@pytest.fixture
def captured():
    with capture() as captured, runlog.RunContext("loguru", lifecycle_logs=False):
        loguru.logger.remove()
        yield captured
        loguru.logger.remove()


def rows(captured):
    return [(entry.level, entry.step, entry.message, entry.meta) for entry in captured.entries]


def test_bound_values_and_arguments_are_fields(captured):
    """`bind`, `contextualize` and arguments give step and meta, whatever the values are called."""
    loguru.logger.add(runlog.RunLogHandler(), format="{time} {message}")
    log = loguru.logger.bind(step="FETCH", name="Ada", args=(1,), meta={"page": 1})
    with loguru.logger.contextualize(task=7):
        log.info("Fetched {} {what}", 150, what="contacts")  # noqa: PLE1205 - not logging
    assert rows(captured) == [
        ("INFO", "FETCH", "Fetched 150 contacts",
         {"page": 1, "name": "Ada", "args": [1], "task": 7, "what": "contacts", "logger": __name__}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "level", "meta"),
    [
        ("TRACE", "DEBUG", {"levelname": "TRACE"}),
        ("DEBUG", "DEBUG", {}),
        ("SUCCESS", "INFO", {"levelname": "SUCCESS"}),
        ("WARNING", "WARNING", {}),
        (
            "CRITICAL",
            "ERROR",
            {"levelname": "CRITICAL", "error_fingerprint": fingerprint_of(None, "x")},
        ),
    ],
)
def test_loguru_s_levels_keep_their_names(captured, name, level, meta):
    """The column has one of the four levels, meta the name that is none of them."""
    loguru.logger.add(runlog.RunLogHandler(), level=0)
    loguru.logger.log(name, "x")
    assert rows(captured) == [(level, "LOG", "x", {**meta, "logger": __name__})]


def test_the_handler_s_own_level_and_filters_count(captured):
    """A level or filter of the handler keeps messages out, as it does with logging."""
    handler = runlog.RunLogHandler(level="WARNING")
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    loguru.logger.add(handler, level=0)
    loguru.logger.info("too low")
    loguru.logger.warning("secret")
    loguru.logger.warning("kept")
    assert [entry.message for entry in captured.entries] == ["kept"]


def test_what_a_function_raises_is_told_with_its_stack(captured):
    """`logger.catch` gives error, error_type and the traceback of the exception."""
    loguru.logger.add(runlog.RunLogHandler())

    @loguru.logger.catch
    def failing():
        return {}["key"]

    failing()
    ((level, _, _, meta),) = rows(captured)
    assert (level, meta["error"], meta["error_type"]) == ("ERROR", "'key'", "KeyError")
    assert 'return {}["key"]' in meta["stack"]


def test_it_does_not_flush_message_by_message(captured, monkeypatch):
    """loguru flushes its sinks after each message; that asks for no delivery, a flush by hand does."""
    handler = runlog.RunLogHandler()
    woken = []
    monkeypatch.setattr(handler._recorder, "wake", lambda: woken.append(1))
    loguru.logger.add(handler)
    loguru.logger.info("one")
    loguru.logger.info("two")
    assert woken == []
    handler.flush()
    assert woken == [1]


def test_text_written_to_it_is_an_entry(captured):
    """Whatever else writes lines to it as to a file: each that is not blank is stored."""
    print("hello", file=runlog.RunLogHandler())
    assert rows(captured) == [("INFO", "LOG", "hello", {})]
