"""A disk that fills and empties while many threads log: each entry once, or counted as shed."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time

import pytest
from kit.recording import QUICK, messages
from kit.waiting import eventually, until

import runlog
from runlog._recorder import registry

THREADS = 4
ENTRIES = 400
RUNS = 25
TOLD = """
    select count(*), count(*) filter (where status = 'success'
        and records_inserted = split_part(script_name, ' ', 3)::int
        and (metadata #> '{runlog,entries}')::int =
            (select count(*) from logs where run_id = runs.id)) from runs"""
LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


class Neighbour:
    """Another user of the disk: a file of his grows and shrinks, mostly until nothing more fits."""

    def __init__(self, disk, chance):
        self._path = disk / "neighbour"
        self._chance = chance

    def _is_busy(self, file):
        file.truncate(self._chance.choice([0, 4096, 2**16, 2**18]))
        file.seek(0, 2)
        with contextlib.suppress(OSError):
            for _ in range(self._chance.choice([0, 1, 16, 1000])):
                file.write(b"x" * 4096)

    @contextlib.contextmanager
    def busy(self):
        done = threading.Event()

        def work():
            with self._path.open("wb", buffering=0) as file:
                while not done.wait(self._chance.choice([0.0001, 0.001, 0.01])):
                    self._is_busy(file)
            self._path.unlink()

        thread = threading.Thread(target=work)
        thread.start()
        yield
        done.set()
        thread.join()


def log_all(made, number, seed):
    """400 entries of every length and level; what the words say is the entry's own."""
    chance = random.Random(f"{seed} {number}")
    for count in range(ENTRIES):
        filler = "x" * chance.choice([0, 50, 900, 900, 3000])
        made.log(f"thread {number} {count:04d} {filler}", chance.choice(LEVELS))
        if not chance.randrange(40):
            time.sleep(0.002)


def make_runs(_, number, seed):
    """25 runs of a few entries, one after the other, with more or less of metadata."""
    chance = random.Random(f"{seed} {number}")
    for count in range(RUNS):
        metadata = {"note": "y" * chance.choice([0, 10, 900, 3000])}
        with runlog.RunContext(f"job {number} {count}", metadata=metadata) as run:
            run.count(inserted=count)
            for _ in range(chance.choice([0, 1, 5])):
                run.info("STEP", "x" * chance.choice([0, 900]))
        if not chance.randrange(5):
            time.sleep(0.002)


def in_threads(work, made, seed, *, proxy, chance):
    """Do ``work`` in four threads while the database goes and comes; it is there in the end."""
    threads = [threading.Thread(target=work, args=(made, n, seed)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        chance.choice([proxy.refuse, proxy.refuse, proxy.forward])()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    proxy.forward()


@pytest.mark.guarantee("disk", "conservation", "fork-threads")
@pytest.mark.storm(short=3, long=150)
def test_a_disk_that_fills_and_empties_while_threads_log(
    tiny_disk, recording, proxy, connection, capfd, evidence, rounds
):
    """Four threads, a neighbour that fills the disk and frees it, the database away now and then: what was taken is stored once, the rest is counted, and no line runs into another."""
    logged = shed = 0
    for seed in range(rounds):
        chance = random.Random(seed)
        disk = tiny_disk(512)
        made = recording(
            proxy.conninfo,
            spool_dir=disk / "spool",
            spool_max_bytes=2 ** chance.choice([20, 22]),
            retry_interval_max=0.1,
        )
        with Neighbour(disk, chance).busy():
            in_threads(log_all, made, seed, proxy=proxy, chance=chance)
        until(lambda made=made: made.recorder.flush(10) and made.stats().waiting == 0, 60)
        assert made.is_lawful()
        stats = made.stats()
        stored = [it for it in messages(connection, made.run.id_text) if it.startswith("thread ")]
        assert stats.dead_letters == 0, seed
        assert len(set(stored)) == len(stored) == THREADS * ENTRIES - stats.shed, seed
        made.finish()
        made.close()
        logged += THREADS * ENTRIES
        shed += stats.shed
        assert "damaged" not in capfd.readouterr().err
    evidence(entries=logged, shed_and_told=shed, lost=0, doubled=0)


@pytest.mark.guarantee("disk", "true-run", "fork-threads")
@pytest.mark.storm(short=2, long=100)
def test_runs_that_begin_and_end_on_such_a_disk(
    tiny_disk, proxy, connection, capfd, evidence, rounds
):
    """A hundred runs of four threads on a disk that fills and empties, the database away now and then: each row says how it ended, what it moved and what it logged."""
    for seed in range(rounds):
        chance = random.Random(seed)
        disk = tiny_disk(512)
        runlog.configure(dsn=proxy.conninfo, spool_dir=str(disk / "spool"), **QUICK)
        connection.execute("truncate runs, logs")
        with Neighbour(disk, chance).busy():
            in_threads(make_runs, None, seed, proxy=proxy, chance=chance)
        recorder = registry.current()
        until(lambda it=recorder: it.flush(10) and it.stats().waiting == 0, 60)
        assert recorder.stats().dead_letters == 0, seed

        def all_are_told():
            assert connection.execute(TOLD).fetchone() == (THREADS * RUNS, THREADS * RUNS)

        eventually(all_are_told)
        registry.reset(1)
        assert "damaged" not in capfd.readouterr().err
    evidence(runs=rounds * THREADS * RUNS, wrong=0)
