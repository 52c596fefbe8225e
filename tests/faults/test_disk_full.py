"""A disk that is full, or takes no more for another reason: the script runs on, nothing torn arrives."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from collections import defaultdict

import pytest
from kit.recording import messages, run_row
from kit.waiting import eventually, until

from runlog._entry.ids import new_id
from runlog._recorder.run_state import RunState
from runlog._spool.dead_letter_file import find_dead_letters

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
# Segments of 64 KiB; 256 KiB of memory stand in for the disk.
SETTINGS = {"spool_max_bytes": 2**21, "retry_interval_max": 0.1}
FILLER = "x" * 900


class Levels:
    """Logs the four levels in turn and notes which calls were taken and which were shed."""

    def __init__(self, made):
        self.made = made
        self.taken = defaultdict(list)
        self.shed = defaultdict(list)
        self.number = 0

    def log_round(self):
        for level in LEVELS:
            spool = self.made.recorder._spool
            before = spool.entries_taken
            message = f"{logging.getLevelName(level)} {self.number:06d} {FILLER}"
            self.made.log(message, level)
            self.number += 1
            (self.taken if spool.entries_taken > before else self.shed)[level].append(message)

    def all_taken(self):
        return {message for found in self.taken.values() for message in found}

    def first_shed(self):
        return [
            int(self.shed[level][0].split()[1]) if self.shed[level] else self.number
            for level in LEVELS
        ]


@contextlib.contextmanager
def looked_after(spool, times_a_second):
    """Another thread mends what can be, which the shipper's does about once a second."""
    done = threading.Event()

    def mend():
        while not done.wait(1 / times_a_second):
            spool.touch()

    thread = threading.Thread(target=mend)
    if times_a_second:
        thread.start()
    yield
    done.set()
    if times_a_second:
        thread.join()


def without_notes(found):
    return [message for message in found if not message.startswith("runlog shed")]


def waits_quietly(made):
    """The shipper has tried once and failed: what it does from here on is wait."""

    def has_failed():
        assert made.recorder._shipper._failures > 0

    eventually(has_failed)


@pytest.mark.guarantee("disk", "bounded", "conservation")
@pytest.mark.parametrize("kib", [256, 768])
@pytest.mark.parametrize("looks", [0, 1000])
def test_a_full_disk_sheds_the_least_important_first(
    tiny_disk, recording, proxy, connection, capfd, evidence, kib, looks
):
    """Disk full and database away: memory takes over, then DEBUG is shed, INFO, the rest; the law holds, and all that was taken arrives whole, also while it is being looked whether the disk takes some again."""
    proxy.refuse()
    made = recording(proxy.conninfo, spool_dir=tiny_disk(kib), **SETTINGS)
    waits_quietly(made)
    levels = Levels(made)
    with looked_after(made.recorder._spool, looks):
        while len(levels.shed[logging.ERROR]) < 50:
            levels.log_round()
            assert levels.number < 5000
    assert made.is_lawful()
    shed = sum(map(len, levels.shed.values()))
    assert made.stats().shed == shed
    first = levels.first_shed()
    assert first[0] < first[1] < min(first[2:])
    debug, info, warning, _ = (len(levels.shed[level]) for level in LEVELS)
    assert debug > info > warning > 0
    said = capfd.readouterr().err
    assert said.count("entries are shed and counted, DEBUG first") == 1
    proxy.forward()
    until(lambda: made.recorder.flush(10) and made.stats().waiting == 0)
    stored = messages(connection, made.run.id_text)
    doubled = len(stored) - len(set(stored))
    lost = levels.all_taken() - set(stored)
    assert sorted(without_notes(stored)) == sorted(levels.all_taken())

    def is_told():
        now = messages(connection, made.run.id_text)
        told = [int(it.split()[2]) for it in now if it.startswith("runlog shed")]
        assert sum(told) == shed

    eventually(is_told)
    levels.shed.clear()
    levels.log_round()
    assert levels.shed == {}
    assert made.recorder.flush(10)
    assert made.is_lawful()
    assert made.stats().dead_letters == 0
    evidence(taken=len(levels.all_taken()), shed_and_told=shed, lost=len(lost), doubled=doubled)


@pytest.mark.guarantee("disk", "survives-death")
def test_space_returns_while_the_database_is_away(
    tiny_disk, recording, proxy, connection, capfd, evidence
):
    """What went to memory is back on the disk as soon as there is room, and survives a kill from then on."""
    disk = tiny_disk(1024)
    ballast = disk / "ballast"
    proxy.refuse()
    made = recording(proxy.conninfo, spool_dir=disk, **SETTINGS)
    waits_quietly(made)
    made.log_many(50, "before")
    fill(ballast)
    made.log_many(150, "during")
    spool = made.recorder._spool
    assert not spool.is_on_disk
    until(lambda: "entries are kept in memory" in capfd.readouterr().err)
    ballast.unlink()
    until(lambda: spool.is_on_disk and not spool.entries.writer.memory_share)
    made.log_many(50, "after")
    # As kill -9 would leave it: the descriptors are gone, the files are as they are.
    made.recorder._shipper._attempt = lambda: True
    made.recorder._shipper.stop(5)
    spool.abandon()
    proxy.forward()
    assert recording(proxy.conninfo, spool_dir=disk).recorder.flush(10)
    stored = messages(connection, made.run.id_text)
    logged = [
        f"{when} {n:06d}"
        for when, count in (("line before", 50), ("line during", 150), ("line after", 50))
        for n in range(count)
    ]
    logged = [line.removeprefix("line ") for line in logged]
    assert stored == logged
    evidence(entries=len(stored), lost=len(set(logged) - set(stored)))


@pytest.mark.guarantee("disk", "blast-radius")
def test_a_refused_entry_does_not_keep_a_full_disk_full(
    tiny_disk, recording, proxy, connection, capfd, evidence
):
    """A disk full of what waits behind an entry that is refused: all but that one is delivered, and that one is kept in the file that there is room for then."""
    connection.execute("alter table logs add check (message not like 'refused%')")
    proxy.refuse()
    made = recording(proxy.conninfo, spool_dir=tiny_disk(256), **SETTINGS)
    waits_quietly(made)
    made.log(f"refused {FILLER * 5}")
    made.log_many(3000)
    assert not made.recorder._spool.is_on_disk
    proxy.forward()
    until(lambda: made.recorder.flush(10) and made.stats().waiting == 0)
    stored = messages(connection, made.run.id_text)
    assert stored == [f"line {number:06d}" for number in range(3000)]
    letters = find_dead_letters(made.recorder._spool.folder.parent)
    assert (letters.letters, made.stats().dead_letters) == (1, 1)
    assert made.is_lawful()
    told = capfd.readouterr().err
    assert re.search(r"refused an entry .*kept in memory, and lost with it: no disk takes it", told)
    evidence(entries=len(stored), lost=0, dead_letters=1)


@pytest.mark.guarantee("disk", "true-run")
def test_what_little_room_there_is_goes_to_the_run(tiny_disk, recording, proxy, connection):
    """A full disk that takes a little at the end: the run's start and end are saved before any entry, which could not be stored without."""
    disk = tiny_disk(256)
    proxy.refuse()
    made = recording(proxy.conninfo, spool_dir=disk / "spool", **SETTINGS)
    waits_quietly(made)
    ballast = disk / "ballast"
    fill(ballast)
    late = RunState(new_id(), "late")
    made.recorder.start_run(late)
    for number in range(200):
        made.log(f"line {number:06d} {FILLER}", run_id=late.id_text)
    made.recorder.finish_run(late, "error", FILLER * 8)
    assert not made.recorder._spool.is_safe()
    os.truncate(ballast, ballast.stat().st_size - 3 * 4096)
    assert not made.close(0.2)
    ballast.unlink()
    proxy.forward()
    assert recording(proxy.conninfo, spool_dir=disk / "spool").recorder.flush(10)
    assert run_row(connection, late.id_text, "error_message") == FILLER * 8


@pytest.mark.guarantee("disk", "conservation")
def test_what_was_shed_is_told_where_nothing_can_be_stored(recording, proxy, capfd, tmp_path):
    """No folder, no database, no room: each entry is told as lost or as shed, also if no row can say so."""
    nowhere = tmp_path / "file"
    nowhere.touch()
    proxy.refuse()
    made = recording(proxy.conninfo, spool_dir=str(nowhere), spool_max_bytes=2**20)
    for _ in range(40):
        made.log("x" * 50_000)
    shed = made.stats().shed
    assert shed > 0
    assert not made.close(0.2)
    told = capfd.readouterr().err
    lost = re.search(
        r"(\d+) entries in memory could not be delivered: lost; (\d+) entries were", told
    )
    assert lost, told
    assert sum(map(int, lost.groups())) >= 40
    assert int(lost[2]) >= shed


def fill(path):
    """Write until nothing fits any more, to the last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
