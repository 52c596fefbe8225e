"""A disk that fills and empties while many threads log: each entry once, or counted as shed."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time

import pytest
from kit.recording import messages
from kit.waiting import until

THREADS = 4
ENTRIES = 400
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
            threads = [
                threading.Thread(target=log_all, args=(made, number, seed))
                for number in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                chance.choice([proxy.refuse, proxy.refuse, proxy.forward])()
                time.sleep(0.05)
        proxy.forward()
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
