"""What an entry costs, counted and not timed: calls, system calls, memory, statements, round trips.

These guard what the benchmarks won; the figures in seconds are in tests/bench.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading

import pytest

import runlog
from runlog import _segments

LINES = 5000


@pytest.fixture
def log(database, monkeypatch):
    """A logger with a RunLogHandler, in a run, warmed up."""
    handler = runlog.RunLogHandler(database, flush_interval=3600)
    logger = logging.Logger("costs", logging.INFO)
    logger.addHandler(handler)
    with runlog.RunContext("costs", lifecycle_logs=False):
        write(logger, 100)
        assert runlog.flush(10)
        yield logger


def write(logger, count):
    for number in range(count):
        logger.info("Fetched %d", number, extra={"step": "FETCH", "meta": {"count": number}})


def test_an_entry_is_one_system_call(log, monkeypatch):
    """Each call of logging makes one write of one whole line, and opens, locks and syncs nothing."""
    written, write_for_real = [], os.write
    monkeypatch.setattr(
        _segments.os, "write", lambda fd, line: written.append(line) or write_for_real(fd, line)
    )
    write(log, 50)
    lines = [line for line in written if b"\tFETCH\t" in line]
    assert len(lines) == 50
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)


def test_an_entry_takes_few_calls(log):
    """The handler's way is at most 15 calls of Python functions deep and wide; more is slower."""
    called = []
    package = os.path.dirname(runlog.__file__)

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(package):
            called.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    write(log, 1)
    sys.setprofile(None)
    assert 5 <= len(called) <= 14, called


def test_an_entry_leaves_nothing_in_memory(log):
    """10,000 entries later there are no more objects than before: nothing is queued."""
    write(log, 1000)
    gc.collect()
    before = len(gc.get_objects())
    write(log, 10_000)
    gc.collect()
    assert len(gc.get_objects()) - before < 200


def test_other_loggers_pay_nothing(log):
    """A record that no handler of ours sees runs no line of runlog."""
    called = []
    package = os.path.dirname(runlog.__file__)
    other = logging.Logger("other", logging.INFO)
    other.addHandler(logging.NullHandler())
    sys.setprofile(
        lambda frame, *_: (
            called.append(frame) if frame.f_code.co_filename.startswith(package) else None
        )
    )
    write(other, 10)
    sys.setprofile(None)
    assert called == []
    assert logging.getLogRecordFactory() is logging.LogRecord


def test_a_backlog_is_one_statement_a_block(recording, proxy, connection):
    """5,000 entries take one COPY, not 5,000 statements."""
    made = recording(proxy.conninfo, flush_interval=3600)
    made.log("first")
    assert made.recorder.flush(10)
    before = proxy.counters.statements
    made.log_many(LINES)
    assert made.recorder.flush(30)
    assert proxy.counters.statements - before <= 2
    assert connection.execute("select count(*) from logs").fetchone() == (LINES + 1,)


def test_a_few_entries_are_one_statement(recording, proxy, connection):
    """A hundred entries take one insert, and one round trip."""
    made = recording(proxy.conninfo, flush_interval=3600)
    made.log("first")
    assert made.recorder.flush(10)
    before = proxy.counters.statements
    made.log_many(100)
    assert made.recorder.flush(10)
    assert proxy.counters.statements - before == 1


def test_one_thread_and_one_connection(recording, proxy, connection):
    """However much is logged, a process has one connection for it and one thread more."""
    threads = threading.active_count()
    made = recording(proxy.conninfo)
    made.log_many(LINES)
    assert made.recorder.flush(30)
    assert proxy.counters.connections == 1
    assert threading.active_count() - threads == 1
