"""The conservation law in every single reading, also while threads log, ship and close."""

from __future__ import annotations

import threading

import pytest

from runlog._spool import spool

TERMS = ("committed", "waiting", "dead_letters", "shed")
LOGGED = 3000
THREADS = 3


def is_lawful(stats):
    return stats.appended == sum(getattr(stats, term) for term in TERMS)


@pytest.mark.guarantee("conservation")
def test_no_reading_of_the_statistics_breaks_the_law(
    recording, database, monkeypatch, evidence
):  # fmt: skip
    """While threads log, files rotate and the recorder is closed, each reading of the statistics obeys the law."""
    monkeypatch.setattr(spool, "_SEGMENT_BYTES_MIN", 2**13)
    monkeypatch.setattr(spool, "_SEGMENT_BYTES_MAX", 2**13)
    made = recording(database, flush_interval=0.01)
    threads = [
        threading.Thread(target=made.log_many, args=[LOGGED, f"thread {number}"])
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    readings = []
    while any(thread.is_alive() for thread in threads):
        readings.append(made.stats())
        if len(readings) % 20 == 0:
            made.recorder.close(5)
    made.recorder.close(10)
    readings.append(made.stats())
    broken = [reading for reading in readings if not is_lawful(reading)]
    assert broken == []
    assert readings[-1].appended == LOGGED * THREADS
    evidence(entries=LOGGED * THREADS, readings=len(readings), broken=len(broken))
