"""The world around the processes: network, table, backends, files; and what the database holds.

Lives here: the faults by their names, their healing, and the questions that the test asks. Every
call returns when it holds.
"""

from __future__ import annotations

import contextlib
import json
import re

import psycopg
from psycopg.rows import namedtuple_row

from runlog._delivery import sweep
from runlog._spool import folders as _folders
from runlog._spool.dead_letters import NAME as DEAD_LETTERS

NETWORK = ("refuse", "reset", "hang", "half_open", "slow", "cut_before_commit", "cut_after_commit")
WORD = re.compile(r"p\d+(?:\.\d+)?:\d{6}")
_CONSTRAINT = "refuses_some"


class World:
    """One database behind one proxy, and a folder of spools for each example."""

    def __init__(self, dsn, proxy, folder):
        self.proxy = proxy
        self.connection = psycopg.connect(dsn, autocommit=True, row_factory=namedtuple_row)
        self.connection.execute("set lock_timeout = '300ms'")
        self.is_away = False
        self._folder = folder
        self._examples = 0
        self.spool_dir = folder

    @contextlib.contextmanager
    def opened(self):
        """Have the table refuse some rows meanwhile."""
        condition = f"constraint {_CONSTRAINT} check (message not like '%REFUSED%')"
        self.connection.execute(f"alter table logs add {condition}")
        try:
            yield self
        finally:
            self.heal()
            self._change_table(f"alter table logs drop constraint {_CONSTRAINT}")
            self.connection.close()

    def begin(self):
        """Empty the tables, and give the next example a folder of its own."""
        self._examples += 1
        self.spool_dir = self._folder / f"spool-{self._examples}"
        self._change_table("truncate logs, runs")

    def network(self, fault):
        """Switch the proxy; a cut goes off with the next batch."""
        if fault == "slow":
            self.proxy.slow(0.03)
        else:
            getattr(self.proxy, fault)()

    def heal(self):
        """Undo every fault."""
        self.mend_network()
        self.bring_back()

    def mend_network(self):
        """Pass everything on again; what was connected is cut off."""
        self.proxy.reset()
        self.proxy.faults.armed = None  # after the reset: links that close give a cut back
        self.proxy.forward()

    def take_away(self):
        """Rename the table of entries."""
        self._change_table("alter table logs rename to logs_away")
        self.is_away = True

    def bring_back(self):
        """Give the table its name again."""
        if self.is_away:
            self._change_table("alter table logs_away rename to logs")
            self.is_away = False

    def _change_table(self, statement):
        while True:
            try:
                self.connection.execute(statement)
            except psycopg.errors.LockNotAvailable:
                self.terminate_backends()  # one that waits for a client behind a hanging network
            else:
                return

    def terminate_backends(self):
        """End every session but ours on the server."""
        self.connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )

    def silence(self):
        """Make every open run look dead, and close it, as another host would."""
        self.connection.execute(
            "update runs set metadata = jsonb_set(metadata, '{runlog,heartbeat_at}',"
            " to_jsonb(now() - interval '1 hour')) where status = 'running'"
        )
        return len(sweep.reap(self.connection, "public"))

    def entries(self):
        """Run, level, step, message and meta of all entries, in their order."""
        table = "logs_away" if self.is_away else "logs"
        return self.connection.execute(
            f"select run_id::text as run, level, step, message, meta from {table}"
            " order by timestamp, id"
        ).fetchall()

    def runs(self):
        """Status and error of every run, by id."""
        rows = self.connection.execute("select id::text, status, error_message from runs")
        return {row.id: row for row in rows.fetchall()}

    def dead_words(self):
        """The names of all entries among the dead letters; a replay may have added one twice."""
        lines = [
            json.loads(line)
            for path in self.spool_dir.glob(f"*/{DEAD_LETTERS}")
            for line in path.read_text().splitlines()
        ]
        return [found[0] for line in lines if (found := WORD.findall(line["content"]))]

    def spools(self):
        """The folders of processes, alive or dead."""
        found = (_folders.list_folders(place) for place in self.spool_dir.glob("*/"))
        return [folder for folders in found for folder in folders]

    def damage_orphans(self):
        """Remove what dead processes noted as delivered; returns how many notes."""
        removed = 0
        for folder in self.spools():
            lock = _folders.adopt(folder)
            if lock is None:
                continue
            for path in folder.glob("*.ack"):
                path.unlink()
                removed += 1
            lock.close()
        return removed
