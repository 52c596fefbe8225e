"""What is left when processes have died: the next one delivers it, and it is counted what is stored.

The next process is the test's own, and the database is asked what it holds. Nothing here ends a
process: the tests do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from recording import QUICK, messages

from runlog._recorder import Recorder, database_folder
from runlog._settings import resolve


@dataclass
class Aftermath:
    """Counts over all deaths of one test; ``counted`` is what ``evidence`` takes."""

    dsn: str
    spool_dir: str
    connection: object
    counts: Counter = field(default_factory=Counter)

    def deliver(self, timeout=30.0):
        """Be the next runlog process: take over what is left, deliver it, and end."""
        given = {"dsn": self.dsn, "spool_dir": self.spool_dir, **QUICK, "statement_timeout": 20}
        recorder = Recorder(resolve(given))
        assert recorder.catch_up(timeout), "the next process could not deliver"
        assert recorder.close(timeout)
        return recorder.stats().adopted

    def check(self, run_id, logged, *, more_by_one=False):
        """Compare the entries of a run with what its process says it has logged, in that order.

        With ``more_by_one`` one more can be stored: killed between the write and the word of it.
        """
        stored = messages(self.connection, run_id)
        self.count(logged, stored)
        extra = len(stored) - len(logged)
        assert extra in ({0, 1} if more_by_one else {0}), (len(logged), len(stored))
        assert stored[: len(logged)] == logged

    def count(self, logged, stored):
        """Add to the counts: how many are stored, lost and there more than once."""
        self.counts["entries"] += len(stored)
        self.counts["lost"] += len(set(logged) - set(stored))
        self.counts["doubled"] += len(stored) - len(set(stored))

    def counted(self):
        """Return entries, lost, doubled, runs left open and folders left; the latter looked at now."""
        return {
            "entries": self.counts["entries"],
            "lost": self.counts["lost"],
            "doubled": self.counts["doubled"],
            "runs_left_open": len(self.left_running()),
            "folders_left": len(self.folders()),
        }

    def left_running(self):
        """The ids of runs whose rows say that they still run."""
        rows = self.connection.execute("select id from runs where status = 'running'").fetchall()
        return [str(row[0]) for row in rows]

    def folder(self):
        """The folder of the database in the spool."""
        return database_folder(resolve({"dsn": self.dsn, "spool_dir": self.spool_dir}))

    def folders(self):
        """The folders of processes that are still there."""
        return sorted(path for path in self.folder().glob("*") if path.is_dir())

    def is_clean(self):
        """Assert that no run is left open and no spool is left over."""
        assert self.left_running() == []
        assert self.folders() == []

    def row(self, run_id, *columns):
        """The named columns of the run's row."""
        return self.connection.execute(
            f"select {', '.join(columns)} from runs where id = %s", [run_id]
        ).fetchone()

    def status(self, run_id):
        """Status, error_message and outcome of a run."""
        return self.row(run_id, "status", "error_message", "metadata #>> '{runlog,outcome}'")


@pytest.fixture
def aftermath(database, connection, own_environment):
    """An Aftermath of the test database and of the spools of this test."""
    return Aftermath(database, str(own_environment), connection)
