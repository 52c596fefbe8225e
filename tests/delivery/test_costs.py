"""What an entry costs, counted and not timed: calls, system calls, memory, statements, round trips.

These guard what the benchmarks won; the figures in seconds are in tests/bench.
"""

from __future__ import annotations

import contextvars
import io
import logging
import os
import sys
import threading
import uuid
from pathlib import Path

import pytest
import structlog

import runlog
from runlog._spool import writer

LINES = 5000
PACKAGE = str(Path(runlog.__file__).parent)


@pytest.fixture
def log(database):
    """A logger with a RunLogHandler, in a run, warmed up."""
    handler = runlog.RunLogHandler(database, flush_interval=3600)
    logger = make_logger("costs", handler)
    with runlog.RunContext("costs", lifecycle_logs=False):
        write(logger, 100)
        assert runlog.flush(10)
        yield logger
    handler._recorder.close(10)
    logger.handlers = []


def make_logger(name, handler):
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [handler]
    return logger


def write(logger, count):
    for number in range(count):
        logger.info("Fetched %d", number, extra={"step": "FETCH", "meta": {"count": number}})


def calls_in_runlog(action):
    """The functions of the package that ``action`` calls on this thread."""
    called = []

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            called.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return called


def test_an_entry_is_one_system_call(log, monkeypatch):
    """Each call of logging makes one write of one whole line, and opens, locks and syncs nothing."""
    written, write_for_real = [], os.write
    monkeypatch.setattr(
        writer.os, "write", lambda fd, line: written.append(line) or write_for_real(fd, line)
    )
    write(log, 50)
    lines = [line for line in written if b"\tFETCH\t" in line]
    assert len(lines) == 50
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)


def test_an_entry_takes_few_calls(log):
    """An entry is five calls of Python functions; each is 50 ns and more."""
    # The fewest of many: when a second or a millisecond begins, its text is made anew.
    called = min((calls_in_runlog(lambda: write(log, 1)) for _ in range(50)), key=len)
    assert 4 <= len(called) <= 5, called


def test_a_thread_without_a_context_costs_one_call_more(log):
    """Whose run it is is seen at a glance, also where no context says so."""
    called = min((calls_without_context(lambda: write(log, 1)) for _ in range(50)), key=len)
    assert 5 <= len(called) <= 6, called


def calls_without_context(action):
    return contextvars.Context().run(calls_in_runlog, action)


def test_ids_and_urls_cost_one_call_each(log):
    """A text that is new is asked for secrets in one call, whatever number or id is in it."""
    texts = (f"GET https://api.example.com/v3/contacts/{uuid.uuid4()}?page=2" for _ in range(60))
    called = [calls_in_runlog(lambda text=text: log.info(text)) for text in texts]
    # Of the last: what the first ones taught is known.
    assert 5 <= min(map(len, called[50:])) <= 7, called[-1]


def test_an_event_takes_few_calls(database):
    """An event of structlog that is only printed is six calls of Python functions."""
    processor = runlog.RunLogProcessor(database, flush_interval=3600)
    printer = structlog.PrintLogger(io.StringIO())
    chain = [structlog.processors.TimeStamper(fmt="iso"), processor, str_of]
    event_log = structlog.wrap_logger(printer, processors=chain).bind()
    with runlog.RunContext("costs", lifecycle_logs=False):
        runs = (calls_in_runlog(lambda: event_log.info("Fetched", count=5)) for _ in range(50))
        called = min(runs, key=len)
    processor._recorder.close(10)
    assert 5 <= len(called) <= 6, called


def str_of(_, __, event):
    return str(event)


def test_an_entry_leaves_nothing_in_memory(run_script):
    """With the database away, 20,000 entries later there are no more objects than after 10,000."""
    script = run_script(
        """
        import gc, logging, runlog
        from runlog._recorder import registry as _process

        log = logging.getLogger("memory")
        log.setLevel(logging.INFO)
        log.addHandler(runlog.RunLogHandler(exit_timeout=0))
        with runlog.RunContext("memory", lifecycle_logs=False):
            # The first attempt imports psycopg, and has ended when another one is counted.
            while _process.current()._shipper._failures < 2:
                assert not runlog.flush(0.05)
            for _ in range(2):
                for number in range(10_000):
                    log.info("Fetched %d", number, extra={"step": "F", "meta": {"count": number}})
                gc.collect()
                print(len(gc.get_objects()))
        """,
        env={"RUNLOG_DSN": "host=127.0.0.1 port=1"},
    )
    before, after = map(int, script.stdout.split())
    assert after - before < 200


def test_other_loggers_pay_nothing(log):
    """A record that no handler of ours sees runs no line of runlog."""
    other = make_logger("other", logging.NullHandler())
    assert calls_in_runlog(lambda: write(other, 10)) == []
    assert logging.getLogRecordFactory() is logging.LogRecord


def test_a_backlog_is_one_statement_a_block(recording, proxy, connection):
    """5,000 entries take a COPY or two, not 5,000 statements."""
    made = recording(proxy.conninfo, flush_interval=3600)
    made.log("first")
    assert made.recorder.catch_up(10)
    before = proxy.counters.statements
    made.log_many(LINES)
    assert made.recorder.flush(30)
    # A pass may have begun while they were logged: of these, and one block in the other lane.
    assert 1 <= proxy.counters.statements - before <= 4
    assert connection.execute("select count(*) from logs").fetchone() == (LINES + 1,)


def test_a_few_entries_are_one_statement(recording, proxy, connection):
    """A hundred entries take one insert, and one round trip."""
    made = recording(proxy.conninfo, flush_interval=3600)
    made.log("first")
    assert made.recorder.catch_up(10)
    before = proxy.counters.statements
    made.log_many(100)
    assert made.recorder.flush(10)
    # Two when the pass before had not quite ended.
    assert 1 <= proxy.counters.statements - before <= 2


def test_one_thread_and_one_connection(recording, proxy, connection):
    """However much is logged, a process has one connection for it and one thread more."""
    threads = threading.active_count()
    made = recording(proxy.conninfo)
    made.log_many(LINES)
    assert made.recorder.flush(30)
    assert proxy.counters.connections == 1
    assert threading.active_count() - threads == 1
