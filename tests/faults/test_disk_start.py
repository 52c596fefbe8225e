"""Calls on the disk that fail while a spool is opened, each in turn: the run and its entries are there."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading

import pytest
from kit.recording import QUICK, messages, run_row

import runlog
from runlog._process.state import process
from runlog._recorder import registry

CALLS = {
    name: module
    for module, names in {
        os: ["stat", "lstat", "fstat", "access", "scandir", "open", "mkdir", "rename", "dup2",
             "unlink", "rmdir", "write", "read", "pread", "memfd_create"],
        fcntl: ["flock", "fcntl"],
    }.items()
    for name in names
    if hasattr(module, name)
}  # fmt: skip
LONGEST = 200


class Disk:
    """A disk below ``place`` whose calls by this thread fail where ``fails`` says so."""

    def __init__(self, patch, place):
        self.place, self.thread = str(place), threading.get_ident()
        self.count = 0
        self.fails = None
        for name, module in CALLS.items():
            patch.setattr(module, name, self.watched(name, getattr(module, name)))

    def watched(self, name, real):
        def call(*given, **options):
            if self.fails and threading.get_ident() == self.thread and self.is_ours(*given):
                self.count += 1
                if self.fails(name):
                    raise OSError(errno.EIO, "input/output error")
            return real(*given, **options)

        return call

    def is_ours(self, subject=".", *_):
        """Tell whether it is about a file of the spool, or one without a name: a descriptor."""
        is_named = isinstance(subject, str | os.PathLike)
        return not is_named or os.fspath(subject).startswith(self.place) or subject == "runlog"


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """Its calls fail where ``fails`` is told to; the folder that is taken instead is the test's too."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Disk(monkeypatch, tmp_path)


def record(disk, dsn, spool_dir, fails):
    """Have a run begin while calls of the disk fail; return its id, with all delivered."""
    logger = logging.getLogger("start")
    logger.propagate = False
    with process.fresh():
        runlog.configure(dsn=dsn, spool_dir=str(spool_dir), **QUICK)
        logger.handlers = [runlog.RunLogHandler()]
        disk.count, disk.fails = 0, fails
        try:
            with runlog.RunContext("start", lifecycle_logs=False) as run:
                logger.warning("first")
                disk.fails = None
                logger.warning("second")
            assert runlog.flush(30)
        finally:
            disk.fails = None
            logger.handlers = []
            registry.reset(0.0)
    return run.id


@pytest.mark.guarantee("disk", "never-raises", "true-run")
def test_any_one_call_fails_at_the_start(disk, database, connection, tmp_path):
    """Whichever single call fails while the spool is opened and the first entry written: nothing is missing."""
    number, count = 0, 1
    while number < min(count, LONGEST):
        number += 1
        run_id = record(
            disk, database, tmp_path / str(number), lambda _, nth=number: disk.count == nth
        )
        count = disk.count
        assert messages(connection, run_id) == ["first", "second"], number
        assert run_row(connection, run_id, "status") == "success", number


@pytest.mark.guarantee("disk", "never-raises", "true-run")
@pytest.mark.parametrize("name", list(CALLS))
def test_a_call_fails_all_the_time_at_the_start(disk, database, connection, tmp_path, name):
    """One call that never works until the first entry is written: the run, that entry and the next are stored."""
    run_id = record(disk, database, tmp_path / name, lambda called: called == name)
    assert messages(connection, run_id) == ["first", "second"]
    assert run_row(connection, run_id, "status") == "success"
