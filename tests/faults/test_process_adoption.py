"""Many processes find the same orphans at the same moment: exactly one ships each of them."""

from __future__ import annotations

import os

import pytest
from kit.adopting import adopt_orphans
from kit.recording import QUICK

from runlog._entry.ids import new_id
from runlog._recorder.recorder import Recorder
from runlog._recorder.run_state import RunState
from runlog._settings import resolve
from runlog._spool.spool import Spool

ADOPTER = """
    import pathlib, sys, time
    import psycopg, orjson
    import runlog
    from runlog._recorder.recorder import Recorder
    from runlog._settings import resolve

    recorder = Recorder(resolve())
    gate = pathlib.Path(sys.argv[1])
    print("ready", flush=True)
    while not gate.exists():
        time.sleep(0.0005)
    assert recorder.catch_up(60)
    assert recorder.close(60)
    print("adopted", recorder.stats().adopted, flush=True)
"""


@pytest.mark.guarantee("survives-death", "exactly-once")
@pytest.mark.storm(short=1, long=60)
def test_many_adopt_the_same_orphans_at_once(
    start_script, database, aftermath, tmp_path, rounds, evidence
):
    """Six processes begin in the same moment over four orphans of 500 lines: each line is shipped by one of them, and stored once."""
    adoptions = 0
    for number in range(rounds):
        gate = tmp_path / f"gate-{number}"
        runs = [_leave_an_orphan(aftermath) for _ in range(4)]
        assert len(aftermath.folders()) == 4
        adopters = [start_script(ADOPTER, gate, env=_environment(database)) for _ in range(6)]
        for adopter in adopters:
            adopter.wait_for_line("ready")
        gate.touch()
        assert [adopter.wait() for adopter in adopters] == [0] * 6, [a.stderr for a in adopters]
        shipped = [int(adopter.stdout.split()[-1]) for adopter in adopters]
        # What two had shipped would be counted by both.
        assert sum(shipped) == 4 * 500
        adoptions += 4
        for run in runs:
            aftermath.check(run, [f"line {line:06d}" for line in range(500)])
            assert aftermath.status(run)[::2] == ("error", "died")
        aftermath.is_clean()
    evidence(orphans=adoptions, shipped_twice=sum(shipped) - 4 * 500, **aftermath.counted())


@pytest.mark.guarantee("survives-death", "blast-radius")
def test_an_entry_of_a_run_that_never_appears_holds_up_nobody(aftermath, evidence):
    """Behind an entry of a run without a row, the rest of an orphan is delivered by the first process, however short it lives; the entry is looked for again for a minute in which the database is there, and then becomes a dead letter."""
    run = _leave_an_orphan(aftermath, unknown=new_id())
    (folder,) = aftermath.folders()
    for path in folder.iterdir():
        os.utime(path, (1.7e9, 1.7e9))
    assert aftermath.deliver() == 500
    aftermath.check(run, [f"line {line:06d}" for line in range(500)])
    # Two looks half a minute apart, and one after a night in which nobody came.
    for seconds in (20, 30, 40_000):
        assert aftermath.folders() == [folder]
        assert aftermath.new_letters() == []
        _let_time_pass(folder, seconds)
        assert aftermath.deliver() == 0
    (letter,) = aftermath.new_letters()
    assert "of a run without a row" in letter["content"]
    aftermath.is_clean()
    evidence(dead_letters=1, **aftermath.counted())


def _let_time_pass(folder, seconds):
    """Have the last look at what is too early lie so long ago."""
    mark = folder / "late.ack"
    looked = mark.stat().st_mtime - seconds
    os.utime(mark, (looked, looked))


@pytest.mark.guarantee("survives-death", "blast-radius")
def test_an_entry_of_a_run_that_is_late_holds_up_nobody(aftermath, commands, connection, evidence):
    """The same of an orphan that was alive a moment ago: `runlog flush` delivers the rest at once and says that one entry waits, which is stored as soon as its run is there."""
    late = new_id()
    run = _leave_an_orphan(aftermath, unknown=late)
    env = _environment(aftermath.dsn)
    for told in (b"delivered 500 of 501", b"delivered 0 of 1"):
        code, out, err = commands.run("flush", env=env)
        assert (code, out.partition(b" waiting")[0]) == (1, told)
        assert err.startswith(b"1 entry still waits")
        assert len(aftermath.folders()) == 1
        aftermath.check(run, [f"line {line:06d}" for line in range(500)])
        assert aftermath.status(run)[::2] == ("error", "died")
    connection.execute(
        "insert into runs (id, script_name, status) values (%s, 'late', 'success')", [late]
    )
    code, out, _ = commands.run("flush", env=env)
    assert (code, out) == (0, b"delivered 1 of 1 waiting entries\n")
    aftermath.check(late, ["of a run without a row"])
    assert aftermath.folders() == []
    assert not list(aftermath.folder().glob("dead-letters*"))
    evidence(**aftermath.counted())


@pytest.mark.guarantee("survives-death", "blast-radius")
def test_what_is_put_back_is_no_sign_of_life(aftermath):
    """What waits for its run is as old as the spool that it stays in: it moves neither the end of the dead run nor the age that people are shown."""
    _leave_an_orphan(aftermath, unknown=new_id())
    (folder,) = aftermath.folders()
    for path in folder.iterdir():
        os.utime(path, (1.7e9, 1.7e9))
    assert aftermath.deliver() == 500
    times = {path.name: path.stat().st_mtime for path in folder.iterdir()}
    assert {time for name, time in times.items() if not name.endswith(".ack")} == {1.7e9}
    (adopted,) = adopt_orphans(folder.parent)
    assert adopted.last_sign_of_life == 1.7e9
    assert adopted.entries.count_waiting() == 1
    adopted.close(remove=False)


@pytest.mark.guarantee("survives-death", "exactly-once")
@pytest.mark.parametrize("is_first", [True, False], ids=["part-first", "owner-first"])
def test_the_order_in_which_the_dead_are_found_is_all_the_same(aftermath, is_first):
    """A run's process and one that joined it are long dead, and lie side by side: whichever is found first, one delivery stores all of both."""
    run = _leave_an_orphan(aftermath)
    (owner,) = aftermath.folders()
    recorder = Recorder(resolve({"dsn": aftermath.dsn, "spool_dir": aftermath.spool_dir}))
    spool = recorder._spool = recorder._ready = Spool(aftermath.folder(), 2**29)
    for number in range(100):
        recorder.record(run, 1.7e9 + 900, 20, "INFO", None, f"part {number}", None)
    spool.close(remove=False)
    part = next(folder for folder in aftermath.folders() if folder != owner)
    for folder, name in ((owner, "20260101T000000-9-0000bb"), (part, "20260101T000000-10-0000aa")):
        for path in folder.iterdir():
            os.utime(path, (1.7e9, 1.7e9))
        started = "2025" if is_first and folder == part else "2026"
        folder.rename(folder.with_name(name.replace("2026", started, 1)))
    assert aftermath.deliver() == 600
    lines = [f"line {line:06d}" for line in range(500)] + [f"part {line}" for line in range(100)]
    aftermath.check(run, lines)
    assert aftermath.new_letters() == []
    aftermath.is_clean()


@pytest.mark.guarantee("survives-death")
def test_a_part_of_a_run_that_is_late_waits_for_it(aftermath, connection):
    """A process that joined a run died before that run's row was there, and had a run of its own: that one is closed at once; entries and counts of the other are stored when its row appears."""
    late, own = new_id(), RunState(new_id(), "own")
    part = RunState(late, "part")
    part.put("records_fetched", 7)
    recorder = Recorder(resolve({"dsn": aftermath.dsn, "spool_dir": aftermath.spool_dir}))
    spool = recorder._spool = recorder._ready = Spool(aftermath.folder(), 2**29)
    recorder.record(late, 1.7e9, 20, "INFO", None, "of the part", None)
    recorder.update_run(part, event="join", part=new_id())
    recorder.start_run(own)
    recorder.record(own.id_text, 1.7e9, 20, "INFO", None, "own", None)
    recorder.forget_run(own)
    spool.close(remove=False)
    assert aftermath.deliver() == 1
    assert aftermath.status(own.id_text)[::2] == ("error", "died")
    connection.execute(
        "insert into runs (id, script_name, status) values (%s, 'late', 'success')", [late]
    )
    assert aftermath.deliver() == 1
    aftermath.check(late, ["of the part"])
    assert aftermath.row(late, "records_fetched", "status") == (7, "success")
    aftermath.is_clean()


def _environment(database):
    quick = {f"RUNLOG_{name.upper()}": str(value) for name, value in QUICK.items()}
    return {**quick, "RUNLOG_STATEMENT_TIMEOUT": "30", "RUNLOG_DSN": database}


def _leave_an_orphan(aftermath, unknown=None):
    """Log 500 lines into a spool and let go of it, as the kernel does when a process is killed."""
    recorder = Recorder(resolve({"dsn": aftermath.dsn, "spool_dir": aftermath.spool_dir}))
    run = RunState(new_id(), "orphan")
    # Without its shipper, which would deliver.
    spool = recorder._spool = recorder._ready = Spool(aftermath.folder(), 2**29)
    if unknown:
        recorder.record(unknown, 1.7e9, 20, "INFO", None, "of a run without a row", None)
    recorder.start_run(run)
    for number in range(500):
        recorder.record(run.id_text, 1.7e9 + number, 20, "INFO", None, f"line {number:06d}", None)
    recorder.forget_run(run)
    spool.close(remove=False)
    return run.id_text
