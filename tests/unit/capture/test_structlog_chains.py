"""RunLogProcessor in real chains: with every logger and renderer an event is stored once."""

from __future__ import annotations

import asyncio
import logging

import pytest
import structlog
from structlog.stdlib import ProcessorFormatter

import runlog
from runlog.testing import capture


@pytest.fixture
def captured():
    with capture("DEBUG") as captured:
        yield captured
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def run(captured):
    with runlog.RunContext("processor", lifecycle_logs=False) as run:
        yield run


def rows(captured):
    """Return level, step, message and meta of each entry."""
    return [(entry.level, entry.step, entry.message, entry.meta) for entry in captured.entries]


def failing():
    try:
        {}["key"]
    except KeyError as error:
        return error


def configure(*processors, **more):
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *processors],
        cache_logger_on_first_use=False,
        **more,
    )


def through_stdlib(*processors, wrapper_class=structlog.stdlib.BoundLogger):
    factory = structlog.stdlib.LoggerFactory()
    configure(*processors, logger_factory=factory, wrapper_class=wrapper_class)
    return structlog.get_logger("app")


RENDERERS = {
    "wrapped": ProcessorFormatter.wrap_for_formatter,
    "json": structlog.processors.JSONRenderer(),
    "keywords": structlog.stdlib.render_to_log_kwargs,
    "arguments": structlog.stdlib.render_to_log_args_and_kwargs,
}


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize(
    "wrapper_class", [structlog.stdlib.BoundLogger, structlog.make_filtering_bound_logger(10)]
)
def test_an_event_that_goes_through_logging_is_stored_once(captured, run, renderer, wrapper_class):
    """The handlers on the way see a record of the event, and leave it: the processor was first."""
    app = logging.getLogger("app")
    handler = runlog.RunLogHandler()
    app.addHandler(handler)
    log = through_stdlib(runlog.RunLogProcessor(), RENDERERS[renderer], wrapper_class=wrapper_class)
    log.info("one", n=1)
    log.bind(who="me").warning("two")
    app.info("three")
    log.info("four")
    app.removeHandler(handler)
    assert rows(captured) == [
        ("INFO", "LOG", "one", {"n": 1, "logger": "app"}),
        ("WARNING", "LOG", "two", {"who": "me", "logger": "app"}),
        ("INFO", "LOG", "three", {"logger": "app"}),
        ("INFO", "LOG", "four", {"logger": "app"}),
    ]


def test_what_is_logged_on_the_way_is_stored_too(captured, run):
    """A processor and a filter that log themselves: their records are not taken for the event."""
    app = logging.getLogger("app")

    def chatty(_logger, _name, event):
        app.info("from a processor")
        return event

    def curious(record):
        if record.msg != "from a filter":
            app.info("from a filter")
        return True

    log = through_stdlib(runlog.RunLogProcessor(), chatty, RENDERERS["json"])
    app.addFilter(curious)
    log.info("event")
    app.removeFilter(curious)
    assert sorted(entry.message for entry in captured.entries) == [
        "event",
        "from a filter",
        "from a filter",
        "from a processor",
    ]


def test_a_dropped_event_hides_no_later_record(captured, run):
    """An event that never becomes a record leaves nothing behind that swallows another one."""

    def drop(_logger, _name, event):
        if event["event"] == "dropped":
            raise structlog.DropEvent
        return event

    log = through_stdlib(runlog.RunLogProcessor(), drop, RENDERERS["json"])
    for _ in range(3):
        log.info("dropped")
        logging.getLogger("app").info("plain")
    assert [entry.message for entry in captured.entries] == ["dropped", "plain"] * 3


def test_a_foreign_record_factory_changes_nothing(captured, run):
    """Whoever sets a factory of records, before or after: still stored once, with its attributes."""
    before = logging.getLogRecordFactory()

    def factory(*args, **keywords):
        record = logging.LogRecord(*args, **keywords)
        record.tenant = "acme"
        return record

    log = through_stdlib(runlog.RunLogProcessor(), RENDERERS["json"])
    logging.setLogRecordFactory(factory)
    try:
        log.info("after")
        runlog.RunLogProcessor()
        assert logging.getLogRecordFactory() is factory
        log.info("around")
        logging.getLogger("app").info("plain")
    finally:
        logging.setLogRecordFactory(before)
    assert [(entry.message, entry.meta.get("tenant")) for entry in captured.entries] == [
        ("after", None),
        ("around", None),
        ("plain", "acme"),
    ]


def formatting_handler(**places):
    handler = logging.StreamHandler()
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=places.get("before", []),
            processors=[
                *places.get("of_all", []),
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    return handler


@pytest.mark.parametrize("place", ["before", "of_all"])
def test_in_a_formatter_records_of_the_standard_library_are_stored_once(
    captured, run, capsys, place
):
    """In `foreign_pre_chain` or `processors`, with two formatters and a RunLogHandler: one row."""
    app = logging.getLogger("app")
    handlers = [
        formatting_handler(**{place: [runlog.RunLogProcessor()]}),
        formatting_handler(**{place: [runlog.RunLogProcessor()]}),
        runlog.RunLogHandler(),
    ]
    for order in (handlers, handlers[::-1]):
        app.handlers = order
        app.warning("plain %d", 1, extra={"step": "S", "n": 1})
    app.handlers = []
    assert rows(captured) == [("WARNING", "S", "plain 1", {"n": 1, "logger": "app"})] * 2
    assert capsys.readouterr().err.count('"event": "plain 1"') == 4


def test_among_the_formatters_processors_events_are_stored_once(captured, run, capsys):
    """A processor in the chain and one in the formatter see the same event: one row."""
    app = logging.getLogger("app")
    app.handlers = [formatting_handler(of_all=[runlog.RunLogProcessor()])]
    try:
        through_stdlib(RENDERERS["wrapped"]).info("formatter only", step="S", n=1)
        through_stdlib(runlog.RunLogProcessor(), RENDERERS["wrapped"]).info("both", step="S", n=1)
    finally:
        app.handlers = []
    assert rows(captured) == [
        ("INFO", "S", "formatter only", {"n": 1, "logger": "app"}),
        ("INFO", "S", "both", {"n": 1, "logger": "app"}),
    ]
    assert capsys.readouterr().err.count('"n": 1') == 2


@pytest.mark.parametrize(
    "wrapper_class", [structlog.stdlib.BoundLogger, structlog.make_filtering_bound_logger(0)]
)
def test_async_loggers_log_into_the_run_of_the_task(captured, wrapper_class):
    """`ainfo` works in another thread, with the run and step of the task that awaits it, once."""
    log = through_stdlib(runlog.RunLogProcessor(), RENDERERS["json"], wrapper_class=wrapper_class)

    async def work(name):
        async with runlog.RunContext(name, lifecycle_logs=False) as run:
            structlog.contextvars.bind_contextvars(task=name)
            for _ in range(5):
                with runlog.step(name.upper()):
                    await log.ainfo("working")
        return run.id

    async def both():
        return await asyncio.gather(work("a"), work("b"))

    first, second = asyncio.run(both(), debug=False)
    found = [(entry.run_id, entry.step, entry.meta) for entry in captured.entries]
    for run_id, name in ((first, "a"), (second, "b")):
        mine = [entry for entry in found if entry[0] == run_id]
        assert mine == [(run_id, name.upper(), {"task": name, "logger": "app"})] * 5
    assert len([entry for entry in found if entry[2].get("logger") == "app"]) == 10


def test_the_renderer_prints_what_it_always_printed(captured, run, capsys):
    """Output with and without the processor is the same, byte for byte."""
    printed = []
    for processors in ([], [runlog.RunLogProcessor()]):
        configure(
            structlog.processors.add_log_level,
            *processors,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.ConsoleRenderer(colors=False),
            logger_factory=structlog.PrintLoggerFactory(),
        )
        log = structlog.get_logger()
        log.info("hello", step="S", meta={"a": 1}, password="hunter2")
        log.error("bad", exc_info=failing())
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != ""
    assert len(captured.entries) == 2
