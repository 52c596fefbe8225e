"""RunLogProcessor: what an event_dict becomes, and that nothing else changes by it."""

from __future__ import annotations

import logging
import pickle
import threading
import time
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
import structlog

import runlog
from runlog._entry.fingerprint import fingerprint_of
from runlog.testing import capture


@pytest.fixture
def captured():
    with capture("DEBUG") as captured:
        yield captured


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
        ("info", {"level": "warning"}, "WARNING", None),
        ("log", {"level": "DEBUG", "level_number": 10}, "DEBUG", None),
    ],
)
def test_the_level_is_the_events_or_the_methods(captured, store, method, event, level, levelname):
    """`level` wins over the method's name; a name of its own is kept in meta."""
    store(method, event="x", **event)
    meta = {"levelname": levelname} if levelname else {}
    meta |= {"error_fingerprint": fingerprint_of(None, "x")} if level == "ERROR" else {}
    assert rows(captured) == [(level, "LOG", "x", meta)]


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
        raise ValueError("two\nlines")  # noqa: TRY301 - it must be the one being handled
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
    """Events of the shipper's threads would feed themselves; the program's own are stored."""

    def log_both():
        store(event="x", logger=name)
        runlog.RunLogProcessor()(logging.getLogger(name), "info", {"event": "x"})
        runlog.RunLogHandler().handle(logging.makeLogRecord({"name": name, "msg": "x"}))

    for thread_name in ("runlog-shipper", "runlog-questions-worker-0"):
        thread = threading.Thread(target=log_both, name=thread_name)
        thread.start()
        thread.join()
    assert captured.entries == []
    log_both()
    assert [entry.message for entry in captured.entries] == ["x", "x", "x"]


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
