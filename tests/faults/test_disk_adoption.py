"""Whose spool it is: one adopter of several, other databases, other versions, no descriptor left."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from kit.adopting import adopt_orphans
from kit.disks import waiting_folders
from kit.recording import messages, run_row
from kit.waiting import until
from psycopg.conninfo import make_conninfo

from runlog._process.notices import notices
from runlog._settings import resolve
from runlog._spool import folders
from runlog._spool import orphan as _stored
from runlog._spool.places import database_folder

SPOOLS = Path(__file__).with_name("spools")
NEXT = """
    import os, sys
    import runlog
    from runlog._recorder import registry as _process

    os.read(0, 1) if len(sys.argv) > 1 else None
    runlog.RunContext("next", lifecycle_logs=False).start().finish()
    recorder = _process.current()
    _process.close_all()
    print("adopted", recorder.stats().adopted, flush=True)
"""


@pytest.mark.guarantee("survives-death", "exactly-once", "disk")
@pytest.mark.storm(short=2, long=40)
def test_several_adopt_the_same_spools(
    leave_orphan, start_script, commands, database, connection, own_environment, rounds, evidence
):
    """Scripts and `runlog flush` at once over the same orphans: each entry is delivered by one of them, none twice, nothing is left."""
    adopters = entries = lost = doubled = 0
    for _ in range(rounds):
        connection.execute("truncate logs, runs")
        orphans = [leave_orphan(database, 2000, own_environment) for _ in range(3)]
        flushing = [commands.start("flush") for _ in range(2)]
        scripts = [start_script(NEXT, env={"RUNLOG_DSN": database}) for _ in range(3)]
        assert [script.wait() for script in scripts] == [0, 0, 0]
        flushed = [process.communicate(timeout=60)[0].decode() for process in flushing]
        assert commands.run("flush")[0] == 0
        delivered = [int(said.split()[1]) for said in flushed]
        delivered += [int(script.stdout.split()[1]) for script in scripts]
        stored = [messages(connection, orphan.run_id) for orphan in orphans]
        lost += sum(len(set(o.messages) - set(s)) for o, s in zip(orphans, stored, strict=True))
        doubled += sum(len(found) - len(set(found)) for found in stored)
        assert stored == [orphan.messages for orphan in orphans]
        assert waiting_folders(own_environment) == []
        assert sum(delivered) <= 6000
        adopters, entries = adopters + 5, entries + 6000
        statuses = [run_row(connection, orphan.run_id, "status") for orphan in orphans]
        assert statuses == ["error"] * 3
    evidence(adopters=adopters, entries=entries, lost=lost, doubled=doubled)


@pytest.mark.guarantee("disk")
def test_the_spool_of_another_database_is_left_alone(
    leave_orphan, recording, database, connection, empty_database, tmp_path
):
    """What waits for one database is never sent to another, nor to another schema; its own process finds it later."""
    orphan = leave_orphan(database, 10)
    before = {path.name: path.read_bytes() for path in orphan.folder.iterdir()}
    elsewhere = [
        recording(empty_database),
        recording(database, schema="elsewhere"),
        recording(make_conninfo(database, port=1)),
    ]
    for made in elsewhere:
        until(lambda made=made: made.recorder._shipper._failures)
        made.close(0.1)
    assert {path.name: path.read_bytes() for path in orphan.folder.iterdir()} == before
    assert messages(connection) == []
    assert recording(database).recorder.flush(10)
    assert messages(connection, orphan.run_id) == orphan.messages


def placed(name, database, spool_dir):
    """Copy the spool of ``spools/<name>`` to where this version would look for it."""
    place = database_folder(resolve({"dsn": database, "spool_dir": str(spool_dir)}))
    place.mkdir(parents=True, exist_ok=True)
    for folder in sorted((SPOOLS / name).iterdir()):
        shutil.copytree(folder, place / folder.name)
    return place


@pytest.mark.guarantee("disk", "survives-death")
def test_a_spool_of_the_first_version(recording, database, connection, tmp_path, evidence):
    """Spools that runlog 0.1 left, one with two files and a torn line, are read: the rows are as they were logged."""
    expected = json.loads((SPOOLS / "v1.json").read_text())
    place = placed("v1", database, tmp_path / "spool")
    assert recording(database).recorder.flush(10)
    stored = connection.execute(
        "select id::text, run_id::text, timestamp at time zone 'UTC', level, step, message, meta"
        " from logs order by timestamp, id"
    ).fetchall()
    found = [[*row[:2], row[2].isoformat(" "), *row[3:]] for row in stored]
    assert found == expected["rows"]
    runs = connection.execute(
        "select id::text, script_name, status, records_fetched from runs"
        " where script_name <> 'test-script' order by id"
    ).fetchall()
    assert list(map(list, runs)) == expected["runs"]
    letters = (place / "dead-letters.jsonl").read_text().splitlines()
    assert [json.loads(letter)["content"] for letter in letters] == expected["torn"]
    assert [folder for folder in folders.list_folders(place) if folder.name[:4] == "2026"
            and folder.name.endswith("-4711-0a1b2c")] == []  # fmt: skip
    evidence(entries=len(found), torn_and_kept=len(letters))


@pytest.mark.guarantee("disk")
def test_a_spool_of_a_version_to_come(
    recording, commands, database, connection, own_environment, capfd
):
    """A layout that this version does not know is not touched, and it is said who can deliver it."""
    place = placed("v1", database, own_environment)
    known = next(folder for folder in place.iterdir() if folder.name.endswith("0a1b2c"))
    newer = known.rename(known.with_name("20290101T000000-1-abcdef.v2"))
    for other in folders.list_folders(place):
        shutil.rmtree(other)
    before = {path.name: path.read_bytes() for path in newer.iterdir()}
    made = recording(database, own_environment)
    assert made.close()
    assert {path.name: path.read_bytes() for path in newer.iterdir()} == before
    assert messages(connection) == []
    said = capfd.readouterr().err
    assert said.count(f"{newer} was written by a newer runlog") == 1
    _, out, err = commands.run("flush")
    assert "delivered 0 of 0" in out.decode()
    assert "newer runlog" in err.decode()
    _, out, _ = commands.run("spool", "--json")
    (spool,) = json.loads(out)["spools"]
    assert (spool["process"], spool["folder"]) == ("newer", str(newer))
    _, out, _ = commands.run("doctor", "--json")
    assert any("newer runlog" in finding["found"] for finding in json.loads(out))


@pytest.mark.guarantee("disk", "exactly-once")
@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_file_that_cannot_be_read_now_is_not_taken_for_missing(
    leave_orphan, recording, database, connection, monkeypatch, number, evidence
):
    """While an orphan's files cannot be opened nothing of it is acknowledged or removed; later it is delivered. It is told of the folder and not of the database, and the orphan behind it is delivered meanwhile."""
    orphan = leave_orphan(database, 3000, spool_max_bytes=2**20)
    second = leave_orphan(database, 5)
    assert len(orphan.segments) > 5
    held = len(orphan.segments)
    real_open, is_broken = os.open, [True]

    def open_file(path, flags, *rest, **more):
        if is_broken and str(path).endswith("3.copy"):
            raise OSError(number, "from the test")
        return real_open(path, flags, *rest, **more)

    monkeypatch.setattr(_stored.os, "open", open_file)
    made = recording(database)
    until(lambda: not second.folder.exists())
    assert messages(connection, second.run_id) == second.messages
    until(lambda: notices.is_in(f"orphan {orphan.folder}", "unread"))
    assert made.recorder._shipper._failures == 0
    assert orphan.folder.exists()
    assert len(orphan.segments) >= held - 2
    is_broken.clear()
    made.recorder._shipper.delivery.look_for_orphans()
    until(lambda: made.recorder.flush(10) and not orphan.folder.exists())
    monkeypatch.undo()
    stored = messages(connection, orphan.run_id)
    assert stored == orphan.messages
    evidence(
        entries=len(stored), lost=3000 - len(set(stored)), doubled=len(stored) - len(set(stored))
    )


def open_descriptors():
    place = Path("/proc/self/fd")
    return len(list(place.iterdir())) if place.exists() else 0


@pytest.mark.guarantee("disk")
def test_an_adoption_that_fails_gives_the_lock_back(leave_orphan, database, monkeypatch):
    """Out of descriptors in the middle of an adoption: the folder is free for the next one, and no descriptor leaks."""
    orphan = leave_orphan(database, 10)

    def fail(*_):
        raise OSError(errno.EMFILE, "from the test")

    monkeypatch.setattr(_stored, "examine", fail)
    before = open_descriptors()
    with pytest.raises(OSError, match="from the test"):
        adopt_orphans(orphan.folder.parent, None)
    monkeypatch.undo()
    after = open_descriptors()
    assert after <= before
    (adopted,) = adopt_orphans(orphan.folder.parent, None)
    assert adopted.entries.count_waiting() == 10
    adopted.close(remove=False)
