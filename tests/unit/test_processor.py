"""RunLogProcessor: what an event_dict becomes, and that nothing else changes by it."""

from __future__ import annotations

import asyncio
import logging
import pickle
import time
from datetime import UTC, datetime
from types import MappingProxyType

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


@pytest.fixture
def store(run):
    """Call a processor as structlog does, with an event_dict and a logger that prints."""
    processor = runlog.RunLogProcessor()

    def store(method_name="info", /, **event):
        return processor(None, method_name, event)

    return store


def rows(captured):
    """Return level, step, message and meta of each entry."""
    return [(entry.level, entry.step, entry.message, entry.meta) for entry in captured.entries]


def test_an_event_becomes_an_entry(captured, store):
    """`event`, `step` and the level have their columns; all other keys are meta, `meta`'s too."""
    store(event="Fetched", step="FETCH", count=150, meta={"page": 1}, level="info")
    assert rows(captured) == [("INFO", "FETCH", "Fetched", {"count": 150, "page": 1})]


def test_the_event_goes_on_as_it_came(store):
    """The very object is returned, with its keys, values and order as they were."""
    nested = {"a": [1]}
    event = {"step": "S", "event": "x", "exc_info": True, "meta": nested, "timestamp": time.time()}
    before = list(event.items())
    processor = runlog.RunLogProcessor()
    assert processor(None, "error", event) is event
    assert list(event.items()) == before
    assert event["meta"] is nested


@pytest.mark.parametrize(
    ("method", "event", "level", "levelname"),
    [
        ("debug", {}, "DEBUG", None),
        ("info", {}, "INFO", None),
        ("msg", {}, "INFO", None),
        ("warn", {}, "WARNING", None),
        ("warning", {}, "WARNING", None),
        ("error", {}, "ERROR", None),
        ("exception", {}, "ERROR", None),
        ("critical", {}, "ERROR", "CRITICAL"),
        ("fatal", {}, "ERROR", "CRITICAL"),
        ("notice", {}, "INFO", "NOTICE"),
        ("shout", {}, "INFO", "SHOUT"),
        ("info", {"level": "warning"}, "WARNING", None),
        ("log", {"level": "DEBUG", "level_number": 10}, "DEBUG", None),
    ],
)
def test_the_level_is_the_events_or_the_methods(captured, store, method, event, level, levelname):
    """`level` wins over the method's name; a name of its own is kept in meta."""
    store(method, event="x", **event)
    assert rows(captured) == [(level, "LOG", "x", {"levelname": levelname} if levelname else {})]


def test_a_level_that_is_no_level_is_a_field(captured, store):
    """A key `level` with another meaning, as in a game, stays in meta."""
    store(event="x", level=3)
    store(event="y", level="boss")
    assert [meta for *_, meta in rows(captured)] == [{"level": 3}, {"level": "boss"}]


def test_the_active_step_counts_unless_the_event_names_one(captured, store):
    """Inside `runlog.step` events have its name, unless they bring their own."""
    with runlog.step("LOAD"):
        store(event="a")
        store(event="b", step="FETCH")
    assert [step for _, step, *_ in rows(captured)] == ["LOAD", "FETCH"]


def failing():
    try:
        {}["key"]
    except KeyError as error:
        return error


STACK = "Traceback (most recent call last):\n"


@pytest.mark.parametrize("form", ["exception", "tuple", "true", "one"])
def test_exc_info_in_every_form(captured, store, form):
    """An exception, a tuple and True each give error, error_type and stack, as with logging."""
    error = failing()
    given = {"exception": error, "tuple": (KeyError, error, error.__traceback__)}
    try:
        raise error
    except KeyError:
        store("error", event="x", exc_info=given.get(form, True if form == "true" else 1))
    (*_, meta) = rows(captured)[0]
    assert (meta["error"], meta["error_type"]) == ("'key'", "KeyError")
    assert meta["stack"].startswith(STACK)
    assert meta["stack"].endswith("KeyError: 'key'")


@pytest.mark.parametrize("value", [None, False, (None, None, None), True])
def test_exc_info_without_an_exception_is_nothing(captured, store, value):
    """Where no exception is handled, meta has none and no trace of the key."""
    store(event="x", exc_info=value)
    assert rows(captured) == [("INFO", "LOG", "x", {})]


def test_a_formatted_exception_tells_the_same(captured, store):
    """What `format_exc_info` made of the exception gives the same fields as the exception."""
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        store("error", event="x", exc_info=error)
        event = {"event": "x", "exc_info": error}
        store("error", **structlog.processors.format_exc_info(None, "error", event))
    first, second = rows(captured)
    assert first == second
    assert first[3]["error"] == "two\nlines"


def test_a_formatted_exception_that_nobody_handles_any_more(captured, store):
    """Error and type are read from the last line of the traceback."""
    store("error", event="x", exception=f'{STACK}  File "a.py", line 1\nmy.Error: it: broke')
    (*_, meta) = rows(captured)[0]
    assert (meta["error"], meta["error_type"]) == ("it: broke", "my.Error")


def test_exceptions_as_dicts_stay(captured, store):
    """What `dict_tracebacks` made stays in meta; error and type are read from it."""
    event = {"event": "x", "exc_info": failing()}
    event = structlog.processors.dict_tracebacks(None, "error", event)
    store("error", **event)
    (*_, meta) = rows(captured)[0]
    assert (meta["error"], meta["error_type"]) == ("'key'", "KeyError")
    assert meta["exception"][0]["frames"]


def test_the_stack_is_told_as_logging_tells_it(captured, store):
    """`stack_info=True` and what StackInfoRenderer makes of it are both `stack_info` in meta."""
    store(event="x", stack_info=True)
    event = structlog.processors.StackInfoRenderer()(None, "info", {"event": "x", "stack_info": 1})
    store(**event)
    for *_, meta in rows(captured):
        assert set(meta) == {"stack_info"}
        assert meta["stack_info"].startswith("Stack (most recent call last):\n")
        assert "test_the_stack_is_told" in meta["stack_info"]


def test_positional_arguments_are_formatted(captured, store):
    """`positional_args` make the message, before or after PositionalArgumentsFormatter."""
    store(event="%s of %d", positional_args=("one", 2))
    store(event="%(a)s", positional_args=({"a": 1},))
    keeping = structlog.stdlib.PositionalArgumentsFormatter(remove_positional_args=False)
    store(**keeping(None, "info", {"event": "%s!", "positional_args": ("x",)}))
    assert rows(captured) == [
        ("INFO", "LOG", "one of 2", {}),
        ("INFO", "LOG", "1", {}),
        ("INFO", "LOG", "x!", {}),
    ]


def test_a_message_that_cannot_be_formatted_is_stored_raw(captured, store, capsys):
    """The text and its arguments are kept, and one line on stderr says so once."""
    store(event="%d bad", positional_args=("x",))
    store(event="%d bad", positional_args=("y",))
    assert [(message, meta["args"]) for _, _, message, meta in rows(captured)] == [
        ("%d bad", ["x"]),
        ("%d bad", ["y"]),
    ]
    assert capsys.readouterr().err.count("stored raw") == 1


@pytest.mark.parametrize(
    "processor",
    [
        structlog.processors.TimeStamper(),
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.TimeStamper(fmt="iso", utc=False),
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.processors.MaybeTimeStamper(),
    ],
)
def test_the_timestamp_of_the_same_moment_is_not_repeated(captured, store, processor):
    """The column has it; a second one in meta would only differ by microseconds."""
    store(**processor(None, "info", {"event": "x"}))
    assert rows(captured) == [("INFO", "LOG", "x", {})]


@pytest.mark.parametrize("stamp", ["2020-02-02T02:02:02Z", 0, "soon", "10:15:00", None, True])
def test_another_timestamp_is_a_field(captured, store, stamp):
    """A timestamp that tells another moment, or none, stays in meta."""
    store(event="x", timestamp=stamp)
    assert rows(captured) == [("INFO", "LOG", "x", {"timestamp": stamp})]


def test_the_time_is_the_calls(captured, store):
    """The column has the moment of the call, whatever `timestamp` says."""
    before = datetime.now(UTC)
    store(event="x", timestamp="2020-02-02T02:02:02Z")
    # The encoder rounds to the nearest microsecond, the clock cuts.
    assert before <= captured.entries[0].timestamp
    assert (captured.entries[0].timestamp - datetime.now(UTC)).total_seconds() < 0.001


def test_lower_levels_are_left_out(captured, run):
    """With `level` only that level and those above are stored, and all go on."""
    processor = runlog.RunLogProcessor(level="WARNING")
    events = [{"event": name} for name in ("debug", "info", "warning", "critical")]
    assert all(processor(None, event["event"], event) is event for event in events)
    assert [entry.message for entry in captured.entries] == ["warning", "critical"]


@pytest.mark.parametrize("name", ["runlog", "runlog.x", "psycopg", "psycopg.pool"])
def test_what_shipping_logs_is_left_out(captured, store, name):
    """Events of runlog's and psycopg's loggers would feed themselves."""
    store(event="x", logger=name)
    runlog.RunLogProcessor()(logging.getLogger(name), "info", {"event": "x"})
    store(event="y", logger=f"my.{name}")
    assert [entry.message for entry in captured.entries] == ["y"]


def test_an_event_outside_of_any_run_is_counted(captured):
    """It is not stored, it goes on, and it is counted as unbound."""
    event = {"event": "x"}
    assert runlog.RunLogProcessor()(None, "info", event) is event
    assert (captured.entries, captured.unbound) == ([], 1)


class Hostile(dict):
    def items(self):
        raise RuntimeError("no")

    keys = __iter__ = __getitem__ = get = items


@pytest.mark.parametrize(
    "event",
    [Hostile(event="x"), None, "rendered", b"rendered", ("a", "b"), 7, MappingProxyType({})],
)
def test_no_event_makes_it_raise(captured, store, event):
    """Whatever comes, also from a renderer that stands before it, is handed on."""
    processor = runlog.RunLogProcessor()
    assert processor(None, "info", event) is event


def test_behind_the_renderer_the_line_is_the_message(captured, run):
    """In the wrong place it still loses nothing: the rendered line is stored."""
    runlog.RunLogProcessor()(None, "warning", "event='x' n=1")
    assert rows(captured) == [("WARNING", "LOG", "event='x' n=1", {})]


def test_it_can_be_pickled(captured, run):
    """Bound loggers are pickled with their processors: for multiprocessing, as before."""
    copied = pickle.loads(pickle.dumps(runlog.RunLogProcessor(level="ERROR")))
    copied(None, "info", {"event": "left out"})
    copied(None, "error", {"event": "kept"})
    assert [entry.message for entry in captured.entries] == ["kept"]


def test_an_unknown_setting_is_refused():
    """A wrong argument is an error at once, and not a silent processor."""
    with pytest.raises(runlog.errors.SettingError, match="flush_interval"):
        runlog.RunLogProcessor(flush_intervall=1)


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
        assert logging.getLogRecordFactory() is not factory
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
