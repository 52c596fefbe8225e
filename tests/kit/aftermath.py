"""What is left when processes have died: the next one delivers it, and it is counted what is stored.

The next process is the test's own, and the database is asked what it holds. Nothing here ends a
process: the tests do.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from kit.recording import QUICK, messages
from kit.waiting import eventually

from runlog._recorder.recorder import Recorder
from runlog._settings import resolve
from runlog._spool import folders as _folders
from runlog._spool.dead_letters import NAME as DEAD_LETTERS
from runlog._spool.places import database_folder


@dataclass
class Aftermath:
    """Counts over all deaths of one test; ``counted`` is what ``evidence`` takes."""

    dsn: str
    spool_dir: str
    connection: object
    counts: Counter = field(default_factory=Counter)
    letters_seen: int = 0

    def deliver(self, timeout=30.0):
        """Be the next runlog process: take over what is left, deliver it, and end."""
        given = {"dsn": self.dsn, "spool_dir": self.spool_dir, **QUICK, "statement_timeout": 20}
        recorder = Recorder(resolve(given))
        assert recorder.catch_up(timeout), "the next process could not deliver"
        assert recorder.close(timeout)
        return recorder.stats().adopted

    def deliver_all(self, timeout=30.0):
        """Be one next process after the other until no folder of a process is left.

        What a process that just ended held may be open or locked for a moment longer.
        """

        def is_all():
            self.deliver(timeout)
            assert self.folders() == []

        eventually(is_all, timeout)

    def check(self, run_id, logged, *, more_by_one=False):
        """Compare the entries of a run with what its process says it has logged, in that order.

        With ``more_by_one`` one more can be stored: killed between the write and the word of it. Or
        that one is torn: killed in the middle of the write, so that its call had not returned.
        """
        stored = messages(self.connection, run_id)
        self.count(logged, stored)
        extra = len(stored) - len(logged)
        if more_by_one:
            assert extra + len(self.new_letters()) <= 1
        assert extra in ({0, 1} if more_by_one else {0}), (len(logged), len(stored))
        assert stored[: len(logged)] == logged

    def new_letters(self):
        """The dead letters that came since this was last asked."""
        path = self.folder() / DEAD_LETTERS
        letters = (
            [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        )
        new, self.letters_seen = letters[self.letters_seen :], len(letters)
        return new

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
        """The folders of processes that are still there.

        Without those whose making was cut short less than a minute ago: somebody may be at it.
        """
        return _folders.list_folders(self.folder())

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
