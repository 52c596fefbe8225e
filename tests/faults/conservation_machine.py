"""The state machine: random sequences of calls, faults, forks and ends, with the law after each.

Lives here: the rules. Not here: what must be true (``conservation_law``), the processes
(``conservation_process``), the faults (``conservation_world``). What is drawn depends on the model
only, never on what a process or the database happened to do by now.
"""

from __future__ import annotations

import signal
from collections import Counter

from conservation_child import BULKY, LARGE, ODD, PLAIN, REFUSED
from conservation_law import Ledger, check_runs
from conservation_process import Process, Run, progress, wait_for_progress
from conservation_world import NETWORK
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kit.waiting import eventually

MOST_PROCESSES = 4
SMALL_SPOOL = 2**20
QUICK = {
    "flush_interval": 0.02,
    "retry_interval": 0.02,
    "retry_interval_max": 0.1,
    "connect_timeout": 2,
    "statement_timeout": 0.3,
    "exit_timeout": 0.3,
    "heartbeat_interval": 0.2,
}
MOST_AT_ONCE = {PLAIN: 700, ODD: 80, REFUSED: 9, LARGE: 5}
ENDS = {"exit": "exits", "vanish": "os_exits", "kill": "kills"}
LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR"}

which = st.integers(0, 11)
levels = st.sampled_from(sorted(LEVELS))
bounds = st.sampled_from([0.0, 0.05, 0.3])
many = st.sampled_from([30, 80, 250, 700])
counts = st.one_of(st.integers(1, 9), many)
kinds = st.sampled_from([PLAIN, PLAIN, PLAIN, ODD, REFUSED, LARGE])


class Conservation(RuleBasedStateMachine):
    """Processes that log into one database, and everything that can happen to them."""

    def __init__(self, world, nursery, counts=None):
        super().__init__()
        self.world = world
        self.nursery = nursery
        self.counts = Counter() if counts is None else counts
        self.processes = []
        self.runs = {}
        world.begin()
        self.counts["examples"] += 1

    @property
    def alive(self):
        """Those that take commands."""
        return [each for each in self.processes if each.is_alive and not each.is_stopped]

    @property
    def stopped(self):
        return [each for each in self.processes if each.is_alive and each.is_stopped]

    def pick(self, which) -> Process:
        return self.alive[which % len(self.alive)]

    def new_name(self):
        return f"p{len(self.processes) + 1}"

    def run_of(self, process, which):
        """One of the runs that ``process`` may log into; a new one if there is none."""
        if not process.runs:
            self.start_run(process)
        return list(process.runs)[which % len(process.runs)]

    def start_run(self, process):
        run = process.ask("start", name=f"script of {process.name}")["run"]
        self.runs[run] = process.runs[run] = Run(run, process.name)

    def spawn_one(self, **settings):
        given = {"dsn": self.world.proxy.conninfo, "spool_dir": str(self.world.spool_dir), **QUICK}
        made = self.nursery.spawn(self.new_name(), **given, **settings)
        made.is_small = "spool_max_bytes" in settings
        self.processes.append(made)
        return made

    def log(self, process, which, count, kind=PLAIN, levelno=20):
        run, first = self.run_of(process, which), process.next_number()
        process.ask(
            "log", run=run, writer=process.name, first=first, count=count, kind=kind, level=levelno
        )
        process.note(process.name, first, count, run, LEVELS[levelno], kind)
        self.counts["entries_logged"] += count

    def ledger(self):
        return Ledger(self.world, self.processes)

    @initialize()
    def first_process(self):
        self.spawn_one()

    @precondition(lambda self: len(self.alive + self.stopped) < MOST_PROCESSES)
    @rule(is_small=st.booleans())
    def spawn(self, is_small):
        self.spawn_one(**({"spool_max_bytes": SMALL_SPOOL} if is_small else {}))

    @precondition(lambda self: self.alive)
    @rule(which=which)
    def start(self, which):
        self.start_run(self.pick(which))

    @precondition(lambda self: any(each.own_runs for each in self.alive))
    @rule(which=which, fails=st.booleans())
    def finish(self, which, fails):
        owners = [each for each in self.alive if each.own_runs]
        process = owners[which % len(owners)]
        run = process.own_runs[which % len(process.own_runs)]
        run.status, run.error = ("error", "no luck") if fails else ("success", None)
        del process.runs[run.id]
        process.ask("finish", run=run.id, error=run.error)

    @precondition(lambda self: self.alive)
    @rule(which=which, count=counts, kind=kinds, levelno=levels)
    def log_some(self, which, count, kind, levelno):
        count = min(count, MOST_AT_ONCE[kind])
        self.log(self.pick(which), which, count, kind, levelno)
        self.counts[f"{kind}_entries"] += count

    @precondition(lambda self: any(each.is_small for each in self.alive))
    @rule(which=which)
    def log_more_than_the_spool_holds(self, which):
        small = [each for each in self.alive if each.is_small]
        process = small[which % len(small)]
        for levelno in LEVELS:
            self.log(process, which, 20, BULKY, levelno)

    @precondition(lambda self: self.alive)
    @rule(which=which, threads=st.integers(2, 3))
    def log_from_threads(self, which, threads):
        process = self.pick(which)
        run, writers = self.run_of(process, which), [process.new_chat() for _ in range(threads)]
        read = process.ask("chatter", run=run, writers=writers, count=60)
        for writer in writers:
            process.note(writer, 0, 60, run, "INFO", PLAIN)
        self.counts["entries_logged"] += 60 * threads
        self.counts["readings"] += read["readings"]
        self.counts["torn_readings"] += read["torn"]

    @precondition(lambda self: self.alive)
    @rule(which=which, how=st.sampled_from(["flush", "close", "catch_up"]), timeout=bounds)
    def deliver(self, which, how, timeout):
        process = self.pick(which)
        is_done = process.ask(how, timeout=timeout)["done"]
        stats = process.ask("stats")
        if how == "close":
            process.left_behind, process.has_closed = stats["waiting"], True
            self.counts["recorders_closed"] += 1
        elif is_done:
            self.ledger().check_delivered(process, stats)
            self.counts["flushes"] += 1

    @precondition(lambda self: self.alive)
    @rule(which=which, how=st.sampled_from(["exit", "vanish", "kill"]))
    def end(self, which, how):
        process = self.pick(which)
        if how == "kill":
            process.kill()
        else:
            process.send(how)
            process.wait()
            process.die("success" if how == "exit" else "error")
        self.counts[ENDS[how]] += 1

    @precondition(lambda self: self.alive)
    @rule(which=which, count=many, share=st.integers(0, 8))
    def kill_while_it_logs(self, which, count, share):
        process = self.pick(which)
        run, first = self.run_of(process, which), process.next_number()
        path = self.world.spool_dir / f"progress-{process.name}"
        process.send(
            "log", run=run, writer=process.name, first=first, count=count, kind=PLAIN, level=20,
            progress=str(path),
        )  # fmt: skip
        wait_for_progress(path, count * share // 8)
        process.kill()
        returned, shed = progress(path)
        process.shed = max(process.shed, shed)
        for entry in process.note(
            process.name, first, min(returned + 1, count), run, "INFO", PLAIN
        ):
            entry.is_certain = entry.number < first + returned
        self.counts["entries_logged"] += returned
        self.counts["kills"] += 1

    @precondition(lambda self: self.alive)
    @rule(which=which)
    def stop(self, which):
        process = self.pick(which)
        process.signal(signal.SIGSTOP)
        process.is_stopped = True
        self.counts["stops"] += 1

    @precondition(lambda self: self.stopped)
    @rule(which=which, is_killed=st.booleans())
    def go_on(self, which, is_killed):
        process = self.stopped[which % len(self.stopped)]
        if is_killed:
            process.kill()
            self.counts["kills"] += 1
        else:
            process.signal(signal.SIGCONT)
        process.is_stopped = False

    @precondition(lambda self: self.alive and len(self.alive + self.stopped) < MOST_PROCESSES)
    @rule(which=which, chatter=st.sampled_from([0, 40]))
    def fork(self, which, chatter):
        parent = self.pick(which)
        run, writer = self.run_of(parent, which), parent.new_chat()
        child = self.nursery.fork(parent, self.new_name(), run=run, writer=writer, chatter=chatter)
        child.runs = dict(parent.runs)
        parent.note(writer, 0, chatter, run, "INFO", PLAIN)
        self.processes.append(child)
        self.counts["entries_logged"] += chatter
        self.counts["forks"] += 1

    @rule(fault=st.sampled_from([*NETWORK, "forward", "forward", "mended"]))
    def break_or_mend_network(self, fault):
        if fault == "mended":
            self.world.mend_network()
        else:
            self.world.network(fault)
        self.counts[fault] += 1

    @rule(kind=st.sampled_from(["rename", "terminate", "silence", "damage"]))
    def break_something_else(self, kind):
        if kind == "rename" and self.world.is_away:
            self.world.bring_back()
        elif kind == "rename":
            self.world.take_away()
            self.counts["tables_renamed"] += 1
        elif kind == "terminate":
            self.world.terminate_backends()
            self.counts["backends_terminated"] += 1
        elif kind == "damage":
            self.counts["notes_removed"] += self.world.damage_orphans()
        elif not self.world.is_away:
            self.counts["live_runs_reaped"] += self.world.silence()

    @invariant()
    def the_law_holds(self):
        self.counts["steps"] += 1
        stats = {each.name: each.ask("stats") for each in self.alive}
        ledger = self.ledger()
        ledger.check_rows()
        for process in self.alive:
            told = stats[process.name]
            process.shed = told["shed"]
            self.counts["readings"] += 1 + told["torn"]
            self.counts["torn_readings"] += told["torn"]
            ledger.check_process(process, told)

    def teardown(self):
        try:
            self.end_everything()
        finally:
            for process in self.alive + self.stopped:
                process.kill()

    def end_everything(self):
        """Heal all faults, end all processes, have one more deliver; then count."""
        self.world.heal()
        for process in self.stopped:
            process.signal(signal.SIGCONT)
            process.is_stopped = False
        for process in self.alive:
            process.send("exit")
        for process in self.alive:
            process.wait()
            process.die("success")
        last = self.spawn_one()
        eventually(lambda: self.only_spool_is_of(last), 30)
        last.send("exit")
        last.wait()
        assert self.world.spools() == []
        ledger = self.ledger()
        self.counts["entries_stored"] += len(ledger.stored)
        self.counts["dead_letters"] += len({*ledger.dead})
        self.counts["shed"] += sum(each.shed for each in self.processes)
        self.counts["doubled"] += ledger.doubled()
        self.counts["lost"] += sum(len(ledger.missing(each)) - each.shed for each in self.processes)
        ledger.check_end()
        check_runs(self.world, self.runs, self.processes)

    def only_spool_is_of(self, last):
        assert last.ask("catch_up", timeout=5)["done"]
        assert len(self.world.spools()) == 1, self.world.spools()
