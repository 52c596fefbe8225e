"""The spool's folder and files taken away, cut, replaced or closed under a script that runs."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from kit.disks import IS_ROOT, waiting_folders
from kit.recording import messages, numbered, run_row
from kit.waiting import until

from runlog._spool import places
from runlog._spool.spool import Spool

SETTINGS = {"spool_max_bytes": 2**20}
NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False):
        pass
"""


@pytest.fixture
def away(recording, proxy):
    """A recorder whose database is away, with 100 lines that wait."""
    proxy.refuse()
    made = recording(proxy.conninfo, **SETTINGS)
    made.log_many(100, "before")
    return made


@pytest.mark.guarantee("disk", "survives-death")
@pytest.mark.parametrize("what", ["process", "database", "root"])
def test_the_folder_is_removed(away, recording, proxy, connection, tmp_path, capfd, what, evidence):
    """The folder goes with all that is in it: another takes its place, everything in it again, and it survives a kill."""
    spool = away.recorder._spool
    first = spool.folder
    gone = {"process": first, "database": first.parent, "root": first.parent.parent}[what]
    shutil.rmtree(gone)
    away.log_many(100, "meanwhile")
    until(lambda: spool.folder != first and spool.folder.is_dir())
    until(lambda: not spool.entries.writer.memory_share)
    away.log_many(100, "after")
    assert away.is_lawful()
    assert capfd.readouterr().err.count("was removed; entries wait in") == 1
    assert (spool.folder.stat().st_mode & 0o777) == 0o700
    kill(away)
    proxy.forward()
    assert recording(proxy.conninfo).recorder.flush(10)
    logged = [*numbered(100, "before"), *numbered(100, "meanwhile"), *numbered(100, "after")]
    stored = messages(connection, away.run.id_text)
    assert stored == logged
    assert run_row(connection, away.run.id_text, "status") == "error"
    evidence(entries=len(stored), lost=len(set(logged) - set(stored)))


def kill(made):
    """Leave the files as a kill would; the thread has ended, the descriptors are closed."""
    made.recorder._shipper._attempt = lambda: True
    made.recorder._shipper.stop(5)
    made.recorder._spool.entries.seal()
    made.recorder._spool.events.seal()
    made.recorder._spool.abandon()
    made.recorder.forget_run(made.run)


@pytest.mark.guarantee("disk")
def test_the_folder_is_removed_and_none_can_be_made(away, proxy, connection, capfd):
    """Nowhere to go: what waits is delivered from the files without a name, and one line tells the danger."""
    spool = away.recorder._spool
    shutil.rmtree(spool.folder.parent)
    spool.folder.parent.write_text("in the way")
    until(lambda: "no other can be made" in capfd.readouterr().err)
    away.log_many(500, "after")
    proxy.forward()
    assert away.close(20)
    stored = messages(connection, away.run.id_text)
    assert stored == [*numbered(100, "before"), *numbered(500, "after")]


@pytest.mark.guarantee("disk", "conservation")
@pytest.mark.parametrize(
    "name", ["logs-*.copy", "runs-*.jsonl", "logs.ack", "runs.ack", "lock", "*"]
)
def test_a_file_is_removed(away, proxy, connection, name, evidence):
    """Any file of the spool removed under the process: it delivers everything, the run's row too."""
    for path in away.recorder._spool.folder.glob(name):
        path.unlink()
    away.log_many(100, "after")
    proxy.forward()
    away.finish()
    assert away.close(20)
    logged = [*numbered(100, "before"), *numbered(100, "after")]
    stored = messages(connection, away.run.id_text)
    assert stored == logged
    assert away.is_lawful()
    assert run_row(connection, away.run.id_text, "status") == "success"
    evidence(entries=len(stored), lost=len(set(logged) - set(stored)))


@pytest.mark.guarantee("disk")
def test_a_file_is_replaced(away, proxy, connection):
    """Another file with the segment's name is not taken for it; what was logged arrives."""
    (segment,) = away.recorder._spool.folder.glob("logs-*.copy")
    segment.unlink()
    segment.write_bytes(b"forged\n")
    away.log_many(100, "after")
    proxy.forward()
    assert away.close(20)
    stored = messages(connection, away.run.id_text)
    assert stored == [*numbered(100, "before"), *numbered(100, "after")]
    assert away.stats().dead_letters == 0


@pytest.mark.guarantee("disk")
@pytest.mark.parametrize("kept", [0, 10, 5000, 7000])
def test_a_file_is_cut_behind_what_was_delivered(recording, database, connection, kept):
    """A segment truncated by someone: what is logged from then on arrives, once."""
    made = recording(database, flush_interval=3600)
    made.log_many(100, "before")
    assert made.recorder.flush(10)
    (segment,) = made.recorder._spool.folder.glob("logs-*.copy")
    os.truncate(segment, kept)
    made.log_many(100, "after")
    assert made.recorder.flush(10)
    assert made.close(10)
    stored = messages(connection, made.run.id_text)
    # Also the one that was written behind a line cut in its middle.
    assert stored == [*numbered(100, "before"), *numbered(100, "after")]
    assert made.stats().dead_letters == 0


BARRED = """
    import logging, os, signal, sys
    if os.geteuid() == 0 and "IS_ORDINARY" not in os.environ:
        # Root, but without the capability that makes modes of files mean nothing to it.
        os.environ["IS_ORDINARY"] = "1"
        without = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        os.execvp("setpriv", [*without, sys.executable, *sys.argv])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(spool_max_bytes=2**23))
    with runlog.RunContext("barred", lifecycle_logs=False) as run:
        print(run.id, flush=True)
        for number in range(1000):
            log.info("line %06d %s", number, "x" * 400)
            if number == 500 and len(sys.argv) > 1:
                print("half", flush=True)
                signal.sigwait({signal.SIGUSR1})
        if len(sys.argv) > 1:
            signal.sigwait({signal.SIGUSR1})
"""
needs_setpriv = pytest.mark.skipif(
    IS_ROOT and not shutil.which("setpriv"), reason="root may write everywhere, without setpriv"
)


@needs_setpriv
@pytest.mark.guarantee("disk", "never-raises")
def test_a_folder_that_cannot_be_written(run_script, database, connection, tmp_path):
    """A user who may write nowhere: entries go through memory, one line says so, all arrive."""
    barred = tmp_path / "barred"
    barred.mkdir()
    barred.chmod(0o555)
    script = run_script(BARRED, env={"RUNLOG_DSN": database, "RUNLOG_SPOOL_DIR": str(barred)})
    assert script.exit_code == 0, script.stderr
    assert script.stderr.count("no folder can be written") == 1
    assert len(set(messages(connection, script.stdout.split()[0]))) == 1000
    assert list(barred.iterdir()) == []


@needs_setpriv
@pytest.mark.guarantee("disk", "never-raises")
def test_a_folder_becomes_unwritable_while_running(start_script, proxy, connection, tmp_path):
    """The folder is closed under the process, the database away: it goes on in its file, and all arrives."""
    spool_dir = tmp_path / "mine"
    proxy.refuse()
    environment = {
        "RUNLOG_DSN": proxy.conninfo,
        "RUNLOG_SPOOL_DIR": str(spool_dir),
        "RUNLOG_RETRY_INTERVAL_MAX": "0.2",
    }
    script = start_script(BARRED, "wait", env=environment)
    script.wait_for_line("half")
    for folder in waiting_folders(spool_dir):
        folder.chmod(0o500)
    script.signal(signal.SIGUSR1)
    files = [path for folder in waiting_folders(spool_dir) for path in folder.glob("logs-*.copy")]
    until(lambda: sum(path.stat().st_size for path in files) > 1000 * 400)
    script.wait_for_line("cannot write")
    assert "takes no more" not in script.stderr
    proxy.forward()
    script.wait_for_line("answers again")
    script.signal(signal.SIGUSR1)
    assert script.wait() == 0, script.stderr
    stored = [message.split(" x")[0] for message in messages(connection, script.stdout.split()[0])]
    assert stored == [f"line {number:06d}" for number in range(1000)]


ODD = [
    "with spaces and  two", "ünï·çødé-ещё-☃", "-n --help", "'quotes\" and \\ back", "$HOME `id` %s",
    "line\nfeed\ttab", "\x1b[31mred", "~tilde", "dots...", "percent%00", os.fsdecode(b"not\xffutf8"),
    "x" * 200,
]  # fmt: skip


@pytest.mark.guarantee("disk")
@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_a_spool_in_an_odd_place(leave_orphan, recording, database, connection, tmp_path, name):
    """Whatever its folder is called, a spool is written, adopted and removed."""
    spool_dir = tmp_path / name / "spool"
    orphan = leave_orphan(database, 10, spool_dir)
    assert len(orphan.segments) == 1
    assert recording(database, spool_dir).recorder.flush(10)
    assert messages(connection, orphan.run_id) == orphan.messages
    assert orphan.folder not in waiting_folders(spool_dir)


@pytest.mark.guarantee("disk", "never-raises")
@pytest.mark.parametrize(
    "name",
    ["x" * 300, "/".join(["x" * 200] * 30), "~nobody-of-that-name/x", "nul\0byte", "/dev/null/x"],
    ids=["long name", "long path", "no home", "nul", "no folder"],
)
def test_a_spool_where_none_can_be(name, tmp_path):
    """A place that cannot be is no place, and no error."""
    given = name if name[0] in "~/" else f"{tmp_path}/{name}"
    assert places.root(given, {}) is None


@pytest.mark.guarantee("disk")
def test_a_stranger_in_the_folder_is_in_nobodys_way(recording, database, connection, tmp_path):
    """Files and folders that are no spools among them are left, and everything is delivered."""
    spool_dir = tmp_path / "spool"
    first = recording(database, spool_dir)
    database_folder = first.recorder._spool.folder.parent
    assert first.close()
    (database_folder / "notes.txt").write_text("mine")
    (database_folder / "mine").mkdir()
    (database_folder / "mine" / "sub").mkdir()
    (database_folder / "mine" / "sub" / "file").write_text("mine")
    (database_folder / "link").symlink_to(tmp_path)
    os.mkfifo(database_folder / "pipe")
    second = recording(database, spool_dir)
    second.log("line")
    assert second.close()
    assert messages(connection, second.run.id_text) == ["line"]
    assert (database_folder / "mine" / "sub" / "file").read_text() == "mine"
    assert (database_folder / "notes.txt").read_text() == "mine"


@pytest.mark.guarantee("disk")
def test_a_pipe_in_place_of_a_segment_is_not_waited_for(
    leave_orphan, recording, database, connection
):
    """A pipe, a link, a folder or a hole among an orphan's segments stops nothing."""
    orphan = leave_orphan(database, 10)
    os.mkfifo(orphan.folder / "logs-000002.copy")
    (orphan.folder / "logs-000003.copy").symlink_to("/etc/hostname")
    (orphan.folder / "logs-000005.copy").mkdir()
    assert recording(database).recorder.flush(10)
    assert messages(connection, orphan.run_id) == orphan.messages


def test_a_spool_gets_the_files_that_memory_held(tmp_path):
    """What memory held has its place among the files, in its order, and is read from there."""
    spool = Spool(tmp_path / "db", 2**20)
    spool.append(b"one\n", 20, "run")
    spool.entries.writer.rotate(to_memory=True)
    spool.append(b"two\n", 20, "run")
    spool.leave_memory()
    spool.append(b"three\n", 20, "run")
    found = sorted(spool.folder.glob("logs-*.copy"))
    assert [path.read_bytes() for path in found] == [b"one\n", b"two\n", b"three\n"]
    assert spool.entries.read(100).data == b"one\n"
    assert not spool.entries.writer.memory_share
    spool.close(remove=True)
