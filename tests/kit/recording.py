"""Recorders and scripts that log, for the tests of the way from a call to the row."""

from __future__ import annotations

import logging
import time
import uuid

import pytest

from runlog._entry.ids import new_id
from runlog._recorder.recorder import Recorder
from runlog._recorder.run_state import RunState
from runlog._settings import resolve

QUICK = {
    "flush_interval": 0.05,
    "retry_interval": 0.05,
    "retry_interval_max": 0.2,
    "connect_timeout": 2,
    "statement_timeout": 2,
}


class Recording:
    """A recorder with one open run, to log into without the logging machinery."""

    def __init__(self, dsn, spool_dir, script="test-script", **settings):
        given = {"dsn": dsn, "spool_dir": str(spool_dir), **QUICK, **settings}
        self.recorder = Recorder(resolve(given))
        self.run = RunState(new_id(), script)
        self.recorder.start_run(self.run)

    def log(self, message, levelno=logging.INFO, step="FETCH", meta=None, run_id=None):
        name = logging.getLevelName(levelno)
        run_id = run_id or self.run.id_text
        self.recorder.record(run_id, time.time(), levelno, name, step, message, meta)

    def log_many(self, count, prefix="line"):
        for number in range(count):
            self.log(f"{prefix} {number:06d}")

    def finish(self, status="success", error_message=None):
        self.recorder.finish_run(self.run, status, error_message)

    def stats(self):
        return self.recorder.stats()

    def is_lawful(self):
        """Tell whether the conservation law holds at this moment."""
        now = self.stats()
        return now.appended == now.committed + now.waiting + now.dead_letters + now.shed

    def close(self, timeout=10.0):
        return self.recorder.close(timeout)


@pytest.fixture
def recording(tmp_path):
    """``recording(dsn, **settings)`` → a Recording; each is closed at the end of the test."""
    opened = []

    def make(dsn, spool_dir=None, **settings):
        made = Recording(dsn, spool_dir or tmp_path / "spool", **settings)
        opened.append(made)
        return made

    yield make
    for made in opened:
        made.recorder.forget_run(made.run)
        made.recorder.close(0.5)


def numbered(count, prefix="line"):
    """The messages of ``count`` numbered calls, in their order, from ``line 000000`` on."""
    return [f"{prefix} {number:06d}" for number in range(count)]


def stored(connection):
    """The entries of all runs in their order; END without what differs from run to run."""
    return connection.execute(
        "select level, step, message, meta - 'duration_ms' - 'total_duration_ms' from logs"
        " order by timestamp, id"
    ).fetchall()


def messages(connection, run_id=None):
    """The messages of a run in their order; of all runs when none is named."""
    condition = "where run_id = %s" if run_id else "where %s::text is null"
    rows = connection.execute(
        f"select message from logs {condition} order by timestamp, id", [run_id]
    ).fetchall()
    return [row[0] for row in rows]


def run_row(connection, run_id, *columns):
    """The named columns of a run's row, None if there is no row."""
    row = connection.execute(
        f"select {', '.join(columns)} from runs where id = %s", [uuid.UUID(str(run_id))]
    ).fetchone()
    return row if row is None or len(columns) > 1 else row[0]
