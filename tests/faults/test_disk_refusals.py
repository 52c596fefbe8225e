"""A disk that refuses from some moment on, to the end, is read-only, or for which no descriptor is left."""

from __future__ import annotations

import errno
import os
import re
import subprocess

import pytest
from kit.recording import messages, run_row

from runlog._spool import writer as _segments

SETTINGS = {"spool_max_bytes": 2**21, "retry_interval_max": 0.1}
SCRIPT = """
    import logging, sys
    import runlog
    from runlog._recorder import registry as _process

    log = logging.getLogger("app")
    log.setLevel(logging.DEBUG)
    log.addHandler(runlog.RunLogHandler(retry_interval=0.05))
    with runlog.RunContext("full", lifecycle_logs=False) as run:
        print(run.id, flush=True)
        for number in range(int(sys.argv[1])):
            log.info("line %06d %s.", number, "x" * int(sys.argv[2]))
    stats = _process.current().stats()
    print(stats.appended, stats.waiting, stats.shed, stats.committed, stats.dead_letters)
"""
NEXT = """
    import runlog
    with runlog.RunContext("next", lifecycle_logs=False):
        pass
"""
LIMITED = """
    import resource, signal
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""


@pytest.mark.guarantee("disk", "conservation")
@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EMFILE]
)
@pytest.mark.parametrize("away", [False, True], ids=["shipping", "away"])
def test_a_disk_that_refuses_from_some_moment_on(
    recording, proxy, connection, monkeypatch, number, away, evidence
):
    """Full, read-only, over quota or broken in the middle of it, also exactly when a new file is due: nothing that was taken is lost, and it goes on afterwards."""
    if away:
        proxy.refuse()
    made = recording(proxy.conninfo, **SETTINGS)
    writer = made.recorder._spool.entries.writer
    real_write, real_open = os.write, os.open
    is_broken = []

    def write(fd, data):
        if is_broken and fd == writer._fd and not writer._segment.in_memory:
            raise OSError(number, "from the test")
        return real_write(fd, data)

    def open_file(path, flags, *rest, **more):
        if is_broken and flags & os.O_CREAT and "spool" in str(path):
            raise OSError(number, "from the test")
        return real_open(path, flags, *rest, **more)

    made.log_many(100, "before")
    monkeypatch.setattr(_segments.os, "write", write)
    monkeypatch.setattr(_segments.os, "open", open_file)
    is_broken.append(True)
    made.log_many(100, "during")
    writer.rotate()
    made.log_many(100, "behind the rotation")
    assert made.is_lawful()
    is_broken.clear()
    made.log_many(100, "after")
    monkeypatch.undo()
    proxy.forward()
    assert made.close(20)
    stored = messages(connection, made.run.id_text)
    logged = [
        f"{when} {n:06d}"
        for when in ("before", "during", "behind the rotation", "after")
        for n in range(100)
    ]
    assert stored == logged
    assert made.is_lawful()
    evidence(entries=len(logged), lost=len(set(logged) - set(stored)))


NO_DESCRIPTORS = """
    import logging, os, resource, sys
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    import runlog
    from runlog._recorder import registry as _process

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(spool_max_bytes=2**20, flush_interval=0.05))

    def exhaust():
        taken = []
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            return taken

    if sys.argv[1] == "start":
        held = exhaust()
    with runlog.RunContext("hungry", lifecycle_logs=False) as run:
        print(run.id, flush=True)
        if sys.argv[1] == "rotation":
            log.info("line 000000 %s", "x" * 900)
            runlog.flush()
            held = exhaust()
        for number in range(1, 200):
            log.info("line %06d %s", number, "x" * 900)
        if sys.argv[2] == "freed":
            [os.close(fd) for fd in held]
    print("ended", flush=True)
"""


@pytest.mark.guarantee("disk", "never-raises")
@pytest.mark.parametrize("until", ["freed", "the end"])
def test_no_descriptor_is_left_when_a_new_file_is_due(
    run_script, database, connection, until, evidence
):
    """With every descriptor taken the old file goes on beyond its size, the script ends well, and every line arrives."""
    script = run_script(NO_DESCRIPTORS, "rotation", until, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr, script.stderr
    assert "ended" in script.stdout
    run_script(NEXT, env={"RUNLOG_DSN": database})
    stored = [it.split(" x")[0] for it in messages(connection, script.stdout.split()[0])]
    assert stored == [f"line {number:06d}" for number in range(200)]
    evidence(entries=len(stored), lost=200 - len(set(stored)))


@pytest.mark.guarantee("never-raises")
def test_no_descriptor_is_left_at_the_start(run_script, database):
    """Where not one file can be opened the script runs to its end all the same."""
    script = run_script(NO_DESCRIPTORS, "start", "the end", env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr, script.stderr
    assert "ended" in script.stdout


@pytest.mark.guarantee("never-raises", "true-run", "conservation")
def test_descriptors_come_back_after_the_start(run_script, database, connection):
    """What a run began with, and what fits, is held until there is a file: the row is true in the end."""
    script = run_script(NO_DESCRIPTORS, "start", "freed", env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    run_id = script.stdout.split()[0]
    assert run_row(connection, run_id, "status") == "success"
    told = [it for it in messages(connection, run_id) if it.startswith("runlog shed")]
    stored = [it for it in messages(connection, run_id) if it.startswith("line")]
    shed = sum(int(it.split()[2]) for it in told)
    assert len(stored) + shed == 199
    assert len(stored) > 100


@pytest.mark.guarantee("disk", "never-raises")
def test_a_read_only_disk(tiny_disk, run_script, database, connection):
    """On a disk that is mounted read-only entries go through memory, and one line says so."""
    disk = tiny_disk()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    environment = {"RUNLOG_DSN": database, "RUNLOG_SPOOL_DIR": str(disk)}
    script = run_script(SCRIPT, 100, 10, env=environment)
    assert script.exit_code == 0, script.stderr
    assert script.stderr.count("no folder can be written") == 1
    assert len(messages(connection, script.stdout.split()[0])) == 100


@pytest.mark.guarantee("disk", "never-raises")
def test_an_exit_with_the_disk_full_tells_what_is_lost(tiny_disk, run_script, proxy, connection):
    """Disk full, database away and the script at its end: exit code 0, and one line says how many entries go with the memory."""
    disk = tiny_disk(256)
    (disk / "spool").mkdir()
    proxy.refuse()
    environment = {
        "RUNLOG_DSN": proxy.conninfo,
        "RUNLOG_SPOOL_DIR": str(disk / "spool"),
        "RUNLOG_EXIT_TIMEOUT": "0.5",
    }
    script = run_script(SCRIPT, 1000, 400, env=environment)
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr
    lost = int(re.search(r"up to (\d+) of them are in memory and lost", script.stderr)[1])
    proxy.forward()
    run_script(NEXT, env={**environment, "RUNLOG_EXIT_TIMEOUT": "10"})
    stored = messages(connection, script.stdout.split()[0])
    assert 0 < len(stored) < 1000, script.stderr
    assert len(stored) + lost == 1000
    assert all(re.fullmatch(r"line \d{6} x{400}\.", message) for message in stored)


@pytest.mark.guarantee("disk", "never-raises")
@pytest.mark.parametrize("is_away", [False, True])
def test_a_limit_of_the_file_size(run_script, proxy, connection, is_away):
    """RLIMIT_FSIZE cuts a write in the middle: no signal, no torn row; shed is counted."""
    if is_away:
        proxy.refuse()
    environment = {"RUNLOG_DSN": proxy.conninfo, "RUNLOG_EXIT_TIMEOUT": "2"}
    script = run_script(LIMITED + SCRIPT, 1000, 400, env=environment)
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr
    appended, waiting, shed, committed, dead = map(int, script.stdout.split()[1:])
    assert appended - waiting - shed - committed - dead == 0
    assert dead == 0
    proxy.forward()
    run_script(NEXT, env={"RUNLOG_DSN": proxy.conninfo})
    told = messages(connection, script.stdout.split()[0])
    stored = [it for it in told if not it.startswith("runlog shed")]
    assert all(re.fullmatch(r"line \d{6} x{400}\.", message) for message in stored)
    assert len(stored) == len(set(stored)) > 100
