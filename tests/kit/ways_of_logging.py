"""Every way in which people log, as a table: how it is set up, and how one call is made with it.

``WAYS`` lives here. A way's set-up is a context manager, entered where the database is chosen.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import logging.config
import logging.handlers
import multiprocessing
import queue
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import loguru
import structlog
from structlog.stdlib import ProcessorFormatter

import runlog

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Call:
    """What somebody logs, in words that every library has."""

    level: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None


@dataclass(frozen=True)
class Way:
    set_up: Callable[[], contextlib.AbstractContextManager[None]]
    log: Callable[[Call], None]


def log_stdlib(call):
    number = getattr(logging, call.level.upper())
    logging.getLogger("app").log(number, call.message, extra=call.fields, exc_info=call.error)


def log_structlog(call):
    getattr(structlog.get_logger("app"), call.level)(call.message, **_fields(call))


def log_structlog_bound(call):
    log = structlog.get_logger().bind(logger="app", **_fields(call))
    getattr(log, call.level)(call.message)


def log_structlog_async(call):
    log = structlog.get_logger("app")
    asyncio.run(getattr(log, f"a{call.level}")(call.message, **_fields(call)))


def _fields(call):
    return {**call.fields, **({"exc_info": call.error} if call.error else {})}


def log_loguru(call):
    log = loguru.logger.patch(lambda record: record.update(name="app"))
    log.bind(**call.fields).opt(exception=call.error).log(call.level.upper(), call.message)


@contextlib.contextmanager
def handlers(*added):
    """Only these handlers on the root logger; a RunLogHandler when none is named."""
    root, selector = logging.getLogger(), logging.getLogger("asyncio")
    before, level = root.handlers, root.level
    root.handlers = list(added) or [runlog.RunLogHandler()]
    root.setLevel(logging.DEBUG)
    selector.disabled = True
    try:
        yield
    finally:
        root.handlers = before
        root.setLevel(level)
        selector.disabled = False


@contextlib.contextmanager
def behind_a_queue(records):
    listener = logging.handlers.QueueListener(records, runlog.RunLogHandler())
    listener.start()
    with handlers(logging.handlers.QueueHandler(records)):
        yield
    listener.stop()


@contextlib.contextmanager
def behind_a_buffer():
    memory = logging.handlers.MemoryHandler(100, target=runlog.RunLogHandler())
    with handlers(memory):
        yield
    memory.close()


@contextlib.contextmanager
def by_dict_config():
    """The handler both on the logger and on the root, as configurations often have it."""
    with handlers(logging.NullHandler()):
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"runlog": {"class": "runlog.RunLogHandler", "level": "DEBUG"}},
                "root": {"handlers": ["runlog"], "level": "DEBUG"},
                "loggers": {"app": {"handlers": ["runlog"], "level": "DEBUG"}},
            }
        )
        yield
        app = logging.getLogger("app")
        app.handlers = []
        app.setLevel(logging.NOTSET)


@contextlib.contextmanager
def in_a_formatter(place):
    places = {"foreign_pre_chain": [], "processors": []}
    places[place] = [runlog.RunLogProcessor()]
    places["processors"].append(structlog.dev.ConsoleRenderer(colors=False))
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(ProcessorFormatter(**places))
    with handlers(handler):
        yield


@contextlib.contextmanager
def printing():
    """structlog on its own, without the standard library."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            runlog.RunLogProcessor(),
            structlog.processors.KeyValueRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(io.StringIO()),
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    with handlers():
        yield
    structlog.reset_defaults()


@contextlib.contextmanager
def through_stdlib(renderer, *processors, processor=True):
    """structlog whose events go on to the standard library, and there to a RunLogHandler."""
    # As extras of a record they would be fields like any other: nothing tells where they are from.
    stamps = [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso")]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *(stamps if processor or renderer is WRAPPED else []),
            *processors,
            *([runlog.RunLogProcessor()] if processor else []),
            renderer,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    with handlers():
        yield
    structlog.reset_defaults()


@contextlib.contextmanager
def loguru_sink(**options):
    loguru.logger.remove()
    added = loguru.logger.add(runlog.RunLogHandler(), level="DEBUG", **options)
    yield
    loguru.logger.remove(added)


TEXT = structlog.processors.KeyValueRenderer()
WRAPPED = ProcessorFormatter.wrap_for_formatter
KEYWORDS = structlog.stdlib.render_to_log_kwargs
FORMATTED = structlog.processors.format_exc_info
PROCESSES = multiprocessing.get_context("spawn")

WAYS = {
    "stdlib": Way(handlers, log_stdlib),
    "stdlib by dictConfig": Way(by_dict_config, log_stdlib),
    "stdlib behind a queue": Way(lambda: behind_a_queue(queue.Queue()), log_stdlib),
    "stdlib behind a pickling queue": Way(lambda: behind_a_queue(PROCESSES.Queue()), log_stdlib),
    "stdlib behind a buffer": Way(behind_a_buffer, log_stdlib),
    "stdlib in foreign_pre_chain": Way(lambda: in_a_formatter("foreign_pre_chain"), log_stdlib),
    "stdlib in ProcessorFormatter": Way(lambda: in_a_formatter("processors"), log_stdlib),
    "structlog": Way(printing, log_structlog_bound),
    "structlog to stdlib as text": Way(lambda: through_stdlib(TEXT), log_structlog),
    "structlog to stdlib, wrapped": Way(lambda: through_stdlib(WRAPPED), log_structlog),
    "structlog to stdlib as keywords": Way(lambda: through_stdlib(KEYWORDS), log_structlog),
    "structlog to stdlib, async": Way(lambda: through_stdlib(TEXT), log_structlog_async),
    "structlog behind format_exc_info": Way(lambda: through_stdlib(TEXT, FORMATTED), log_structlog),
    "structlog to a handler, wrapped": Way(
        lambda: through_stdlib(WRAPPED, processor=False), log_structlog
    ),
    "structlog to a handler as keywords": Way(
        lambda: through_stdlib(KEYWORDS, processor=False), log_structlog
    ),
    "loguru": Way(loguru_sink, log_loguru),
    "loguru, serialized": Way(lambda: loguru_sink(serialize=True, format="{level}"), log_loguru),
}
