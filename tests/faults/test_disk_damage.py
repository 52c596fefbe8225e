"""Damaged spools: whole lines are delivered, damaged ones kept apart, nothing hangs."""

from __future__ import annotations

import json
import os
import random
import signal

import pytest
from kit.recording import messages, run_row
from kit.waiting import until

from runlog._delivery import late_runs


@pytest.fixture
def patient(monkeypatch):
    """A run that nobody knows is given up at once, and not after a minute."""
    monkeypatch.setattr(late_runs, "WAIT_SECONDS", 0.0)


def deliver(recording, database, **settings):
    made = recording(database, **settings)
    until(lambda: made.recorder.flush(20))
    return made


def letters(folder):
    """What was kept apart beside this process folder."""
    path = folder.parent / "dead-letters.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.guarantee("disk", "survives-death")
@pytest.mark.parametrize("cut", [1, 2, 10, 30, 45, 60, 75])
def test_a_torn_tail(leave_orphan, recording, database, connection, capfd, cut, evidence):
    """The last line is only there in part: all before it is delivered, the part is kept apart and told, and never a row."""
    orphan = leave_orphan(database)
    (segment,) = orphan.segments
    content = segment.read_bytes()
    last = content.splitlines(keepends=True)[-1]
    segment.write_bytes(content[:-cut])
    deliver(recording, database)
    stored = messages(connection, orphan.run_id)
    # Without its newline only, the line is whole.
    whole = 100 if cut == 1 else 99
    assert stored == orphan.messages[:whole]
    kept = [letter["content"] for letter in letters(orphan.folder)]
    expected = [] if cut == 1 else [last[:-cut].decode()]
    assert [it.replace("\\", "") for it in kept] == [it.replace("\\", "") for it in expected]
    assert ("kept in" in capfd.readouterr().err) == (cut > 1)
    assert not orphan.folder.exists()
    evidence(entries=len(stored), torn_and_kept=len(kept), lost=whole - len(set(stored)))


@pytest.mark.guarantee("disk")
@pytest.mark.parametrize("cut", [1, 2, 20, 200])
def test_a_torn_run_event(leave_orphan, recording, database, connection, cut):
    """A start of a run cut in the middle loses no entry: they are kept apart when the run is unknown."""
    orphan = leave_orphan(database, 10)
    events = orphan.events[0]
    events.write_bytes(events.read_bytes()[:-cut])
    made = recording(database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late_runs, "WAIT_SECONDS", 0.0)
        made.recorder._shipper.delivery.look_for_orphans()
        until(lambda: made.recorder.flush(20) and not orphan.folder.exists())
    stored = messages(connection, orphan.run_id)
    kept = [letter["content"].split("\t")[5] for letter in letters(orphan.folder)
            if "\t" in letter["content"]]  # fmt: skip
    assert (stored or kept) == orphan.messages
    assert (stored == orphan.messages) == (cut == 1)


def flip(path, chance, count):
    """Flip ``count`` random bits; return the numbers of the lines that they are in or beside."""
    content = path.read_bytes()
    flipped, touched = bytearray(content), set()
    while count:
        place, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        if flipped[place] ^ bit == ord("\n"):
            # It would move the numbers of all lines behind it.
            continue
        number = content[:place].count(b"\n")
        # A newline is two lines' end and beginning.
        touched |= {number, number + 1} if content[place] == ord("\n") else {number}
        flipped[place] ^= bit
        count -= 1
    path.write_bytes(flipped)
    return touched


@pytest.mark.guarantee("disk", "blast-radius")
@pytest.mark.storm(short=12, long=300)
def test_flipped_bits_in_an_orphan(
    leave_orphan, recording, database, connection, patient, rounds, evidence, tmp_path
):
    """Random bits flipped in a dead process's entries: every line that no flip touched is stored once, a touched one is stored as it reads now or kept apart."""
    chance = random.Random(rounds)
    flips = entries = damaged = lost = doubled = 0
    for number in range(rounds):
        spool_dir = tmp_path / f"spool{number}"
        orphan = leave_orphan(database, 200, spool_dir)
        count = chance.choice([1, 3, 10, 50])
        touched = flip(orphan.segments[0], chance, count)
        made = recording(database, spool_dir)
        until(lambda orphan=orphan: not orphan.folder.exists())
        assert made.close()
        untouched = [text for n, text in enumerate(orphan.messages) if n not in touched]
        stored = messages(connection, orphan.run_id)
        flips, entries, damaged = flips + count, entries + 200, damaged + len(touched)
        lost += len(set(untouched) - set(stored))
        # Not by message: a flipped digit makes a touched line read like another one.
        doubled += max(0, len(stored) + len(letters(orphan.folder)) - 200)
        assert set(untouched) <= set(stored)
    assert lost == doubled == 0
    evidence(flipped_bits=flips, lines=entries, lines_touched=damaged, lost=lost, doubled=doubled)


@pytest.mark.guarantee("disk", "blast-radius")
@pytest.mark.storm(short=4, long=60)
@pytest.mark.parametrize("lane", ["sure", "bulk"])
def test_flipped_bits_under_a_living_process(
    recording, proxy, connection, patient, rounds, lane, evidence, tmp_path
):
    """Bits flipped in the file of a process that runs, before it ships: the same in both lanes."""
    chance = random.Random(rounds)
    count = 3000 if lane == "bulk" else 300
    flips = lost = doubled = entries = 0
    for number in range(rounds):
        proxy.refuse()
        made = recording(proxy.conninfo, tmp_path / f"spool{number}")
        made.log_many(count)
        (segment,) = made.recorder._spool.folder.glob("logs-*.copy")
        # In place, as a bad disk would: the process has the file open.
        before = segment.read_bytes()
        copy = tmp_path / "copy"
        copy.write_bytes(before)
        touched = flip(copy, chance, 5)
        with segment.open("r+b") as file:
            file.write(copy.read_bytes())
        made.recorder._shipper.delivery.is_replay = lane == "sure"
        proxy.forward()
        made.close(20)
        stored = messages(connection, made.run.id_text)
        untouched = [f"line {n:06d}" for n in range(count) if n not in touched]
        flips, entries = flips + 5, entries + count
        lost += len(set(untouched) - set(stored))
        doubled += max(0, len(stored) + made.stats().dead_letters - count)
    assert lost == doubled == 0
    evidence(flipped_bits=flips, lines=entries, lost=lost, doubled=doubled)


@pytest.mark.guarantee("disk", "blast-radius")
@pytest.mark.storm(short=6, long=150)
def test_flipped_bits_in_run_events(
    leave_orphan, recording, database, connection, patient, rounds, evidence, tmp_path
):
    """Bits flipped in the run's events: no entry is lost, and the next run is recorded as ever."""
    chance = random.Random(rounds)
    lost = 0
    for number in range(rounds):
        spool_dir = tmp_path / f"spool{number}"
        orphan = leave_orphan(database, 20, spool_dir)
        flip(orphan.events[0], chance, chance.choice([1, 5]))
        made = recording(database, spool_dir)
        until(lambda orphan=orphan: not orphan.folder.exists())
        made.finish()
        assert made.close()
        assert run_row(connection, made.run.id_text, "status") == "success"
        kept = [it["content"] for it in letters(orphan.folder)]
        stored = messages(connection, orphan.run_id)
        lost += sum(
            text not in stored and not any(text in letter for letter in kept)
            for text in orphan.messages
        )
    assert lost == 0
    evidence(damaged_starts=rounds, entries=20 * rounds, lost=lost)


KILLED_IN_A_WRITE = """
    import logging, os, signal
    import runlog
    from runlog._spool import writer as _segments

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(flush_interval=60))
    real_write = os.write

    def half_then_die(fd, data):
        if b"line 000050" in data:
            real_write(fd, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real_write(fd, data)

    with runlog.RunContext("torn", lifecycle_logs=False) as run:
        print(run.id, flush=True)
        _segments.os.write = half_then_die
        for number in range(100):
            log.info("line %06d", number)
"""
NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False):
        pass
"""


@pytest.mark.guarantee("disk", "survives-death")
def test_killed_in_the_middle_of_a_write(run_script, database, connection, own_environment):
    """Half a line is in the file when the process is killed: the lines before it arrive, the half is kept apart."""
    script = run_script(KILLED_IN_A_WRITE, env={"RUNLOG_DSN": database})
    assert script.exit_code == -signal.SIGKILL
    following = run_script(NEXT, env={"RUNLOG_DSN": database})
    assert following.exit_code == 0
    stored = messages(connection, script.stdout.split()[0])
    assert stored == [f"line {number:06d}" for number in range(50)]
    (path,) = own_environment.glob("*/dead-letters.jsonl")
    assert len(path.read_text().splitlines()) == 1
    assert str(path) in following.stderr


@pytest.mark.guarantee("disk", "survives-death")
def test_a_flipped_run_id_does_not_hold_up_the_rest(
    leave_orphan, commands, database, connection, own_environment
):
    """One entry of an old spool names a run that nobody knows: `runlog flush` delivers all the others, says that it waits for a minute of looking, and then keeps that one apart."""
    orphan = leave_orphan(database, 2000, own_environment)
    (segment,) = orphan.segments
    lines = segment.read_bytes().splitlines(keepends=True)
    known = orphan.run_id.encode()
    lines[5] = lines[5].replace(known, b"%x" % (int(known[:1], 16) ^ 1) + known[1:])
    segment.write_bytes(b"".join(lines))
    for path in orphan.folder.iterdir():
        os.utime(path, (0, 0))
    for _ in range(3):
        code, _, err = commands.run("flush")
        assert (code, err[:20]) == (1, b"1 entry still waits ")
        assert len(messages(connection, orphan.run_id)) == 1999
        assert letters(orphan.folder) == []
        looked = (orphan.folder / "late.ack").stat().st_mtime - 25
        os.utime(orphan.folder / "late.ack", (looked, looked))
    code, _, err = commands.run("flush")
    assert code == 0, err
    assert len(letters(orphan.folder)) == 1
