"""Disks that fill up and spools that a dead process left, for tests of what a disk can do wrong.

``tiny_disk`` is a real file system of its own, which only root can have.
"""

from __future__ import annotations

import contextlib
import os
import subprocess

import pytest
from kit.recording import Recording

from runlog._delivery.shipper import Shipper
from runlog._spool import folders

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def tiny_disk(tmp_path):
    """``tiny_disk(kib=1024)``: the folder of a new empty file system of that size."""
    mounted = []

    def mount(kib=1024):
        if not IS_ROOT:
            pytest.skip("only root can mount a disk")
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        options = f"size={kib}k,mode=700"
        command = ["mount", "-t", "tmpfs", "-o", options, "runlog-test", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        # Lazily: a thread of a test that failed may still have a file open there.
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Orphan:
    """The folder of a process that is gone, with whole entries of one run in it."""

    def __init__(self, folder, run_id, messages):
        self.folder = folder
        self.run_id = run_id
        self.messages = messages

    @property
    def segments(self):
        return sorted(self.folder.glob("logs-*.copy"))

    @property
    def events(self):
        return sorted(self.folder.glob("runs-*.jsonl"))


@pytest.fixture
def leave_orphan(tmp_path):
    """``leave_orphan(dsn, count=100)``: log that much with the shipper stopped, then be gone."""

    def leave(dsn, count=100, spool_dir=None, **settings):
        with pytest.MonkeyPatch.context() as patch:
            # Nothing leaves the folder.
            patch.setattr(Shipper, "start", lambda _: None)
            made = Recording(dsn, spool_dir or tmp_path / "spool", **settings)
            spool = made.recorder._spool
            made.log_many(count)
            spool.entries.seal()
            spool.events.seal()
            folder = spool.folder
            spool.abandon()
            made.recorder.forget_run(made.run)
        messages = [f"line {number:06d}" for number in range(count)]
        return Orphan(folder, made.run.id_text, messages)

    return leave


def waiting_folders(spool_dir):
    """The process folders that are left, of all databases."""
    found = []
    with contextlib.suppress(OSError):
        for database in spool_dir.iterdir():
            found += folders.list_folders(database)
    return found
