"""What must be true: of one process at any moment, of the rows at any moment, of everything at the end.

Lives here: the comparisons of the model with the statistics, the rows and the dead letters. Pure but
for the questions to ``World``.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from conservation_child import PLAIN, REFUSED, is_lawful

TOLD = "RUNLOG"
"""The step of the rows that tell what was shed."""


class Ledger:
    """All entries that were logged in an example, against what became of them."""

    def __init__(self, world, processes):
        self.processes = processes
        self.rows = world.entries()
        self.dead = world.dead_words()
        self.logged = {entry.word: entry for each in processes for entry in each.entries}
        self.stored = [row.message.split(" ", 1)[0] for row in self.rows if row.step != TOLD]
        self.told = [row for row in self.rows if row.step == TOLD]

    def doubled(self):
        return sum(count - 1 for count in Counter(self.stored).values())

    def missing(self, process):
        """The entries of ``process`` that are neither rows nor dead letters."""
        arrived = {*self.stored, *self.dead}
        return [each for each in process.entries if each.is_certain and each.word not in arrived]

    def check_rows(self):
        """No row twice, none that nobody logged or that was refused, each as it was logged."""
        assert self.doubled() == 0, Counter(self.stored).most_common(3)
        assert {*self.stored, *self.dead} <= set(self.logged)
        # The last line of a killed process can be torn; its call had not returned then.
        whole = [self.logged[word] for word in self.dead if self.logged[word].is_certain]
        assert {entry.kind for entry in whole} <= {REFUSED}
        assert not {*self.stored} & {*self.dead}
        for word, row in zip(self.stored, (r for r in self.rows if r.step != TOLD), strict=True):
            entry = self.logged[word]
            assert (row.run, row.level) == (entry.run, entry.level)
            assert entry.kind != PLAIN or row.message == entry.text

    def check_order(self):
        """Each thread's entries of a run are in the order of the calls."""
        numbers = defaultdict(list)
        for word in self.stored:
            entry = self.logged[word]
            numbers[entry.run, entry.writer].append(entry.number)
        for of_one in numbers.values():
            assert of_one == sorted(of_one)

    def check_process(self, process, stats):
        """The law, and each of its terms against what can be seen from outside."""
        assert is_lawful(stats), (process.name, stats, self.missing(process)[:3])
        assert stats["unbound"] == 0
        told = stats["appended"] - len(process.entries)
        assert told >= 0 if stats["shed"] else told == 0, (process.name, told, stats)
        own = {entry.word for entry in process.entries}
        # The database was asked after the process: more can have arrived there, never less.
        stored, dead = len(own & {*self.stored}), len(own & {*self.dead})
        assert stored >= stats["committed"] - told, (process.name, stored, stats)
        assert dead >= stats["dead_letters"], (process.name, dead, stats)
        unaccounted = len(self.missing(process))
        assert unaccounted <= stats["waiting"] + stats["shed"], (process.name, unaccounted, stats)

    def check_delivered(self, process, stats):
        """After a flush that says so nothing of ``process`` is under way, but for rows that tell."""
        told = stats["appended"] - len(process.entries)
        assert stats["waiting"] <= process.left_behind + told, (process.name, stats)
        unaccounted = len(self.missing(process))
        assert unaccounted <= process.left_behind + stats["shed"], (process.name, stats)

    def check_end(self):
        """Every entry is a row, a dead letter or counted as shed; what was shed is told truly."""
        self.check_rows()
        self.check_order()
        for process in self.processes:
            missing = self.missing(process)
            assert len(missing) == process.shed, (process.name, process.shed, missing[:3])
            assert process.is_small or not missing
        assert sum(row.meta["shed"] for row in self.told) <= sum(p.shed for p in self.processes)


def check_runs(world, runs, processes):
    """Every run's row is there and says how it ended; at once, where a spool could tell."""
    left = [runs[run].owner for run, row in world.runs().items() if row.status == "running"]
    # A process that dies when its recorder is closed has no spool: only its silence tells.
    assert set(left) <= {each.name for each in processes if each.has_closed}
    world.silence()
    rows = world.runs()
    assert set(rows) == set(runs)
    for run in runs.values():
        row = rows[run.id]
        assert row.status == run.status, (run, row)
        if run.status == "success":
            assert row.error_message is None, (run, row)
        elif run.error:
            assert row.error_message == f"ValueError: {run.error}", (run, row)
        else:
            assert row.error_message.startswith("the process died"), (run, row)
