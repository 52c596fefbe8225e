"""The spool as a folder: private, locked while its process lives, adopted by one when it is gone."""

from __future__ import annotations

import errno
import os
import stat
import time

import pytest
from kit.adopting import adopt_orphans

from runlog._spool import folders, places, writer
from runlog._spool.inventory import list_spools
from runlog._spool.spool import Spool

INFO, DEBUG, WARNING, ERROR = 20, 10, 30, 40


@pytest.fixture
def database_folder(tmp_path):
    return tmp_path / "db"


@pytest.mark.guarantee("secrets")
def test_folder_and_files_are_private(database_folder):
    """Folders are 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        spool = Spool(database_folder, 2**20)
        spool.append(b"line\n", INFO, "run")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in spool.folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(database_folder.stat().st_mode) == 0o700
    spool.close(remove=True)
    assert list(database_folder.iterdir()) == []


@pytest.mark.guarantee("survives-death")
def test_a_living_process_is_not_adopted(database_folder):
    """A spool whose lock is held is left alone, by this process as by any other."""
    spool = Spool(database_folder, 2**20)
    assert list(adopt_orphans(database_folder, None)) == []
    spool.close(remove=True)


@pytest.mark.guarantee("survives-death")
def test_an_orphan_is_adopted_once(database_folder):
    """The first one to come gets the spool; the second finds it taken."""
    spool = Spool(database_folder, 2**20)
    spool.append(b"line\n", INFO, "run")
    spool.close(remove=False)
    (orphan,) = adopt_orphans(database_folder, None)
    assert list(adopt_orphans(database_folder, None)) == []
    assert orphan.entries.read(100).data == b"line\n"
    orphan.close(remove=True)
    assert list(adopt_orphans(database_folder, None)) == []
    assert list(database_folder.iterdir()) == []


def everybody_gets_it(*_):
    """A lock of a share that says yes to all."""


def there_is_none(*_):
    """A lock of a share that has none."""
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.guarantee("survives-death")
@pytest.mark.parametrize("flock", [everybody_gets_it, there_is_none])
def test_where_locks_count_for_nothing_a_sign_of_life_does(database_folder, monkeypatch, flock):
    """A spool that is still touched is a living process's; one that has long been silent is adopted."""
    monkeypatch.setattr(folders.fcntl, "flock", flock)
    spool = Spool(database_folder, 2**20)
    spool.append(b"line\n", INFO, "run")
    assert list(adopt_orphans(database_folder, None)) == []
    assert [it.process for it in list_spools(database_folder)] == ["alive"]
    long_ago = time.time() - 3600
    for path in spool.folder.iterdir():
        os.utime(path, (long_ago, long_ago))
    spool.touch()
    assert list(adopt_orphans(database_folder, None)) == []
    spool.close(remove=False)
    for path in spool.folder.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert [it.process for it in list_spools(database_folder)] == ["gone"]
    (orphan,) = adopt_orphans(database_folder, None)
    assert orphan.entries.read(100).data == b"line\n"
    orphan.close(remove=True)
    assert list(database_folder.iterdir()) == []


@pytest.mark.guarantee("survives-death")
def test_a_lock_that_was_not_to_be_had_at_the_start_is_no_sign_of_death(
    database_folder, monkeypatch
):
    """Where the disk gave no lock for a moment, the spool is not taken from its living process."""
    with monkeypatch.context() as patch:
        patch.setattr(folders.fcntl, "flock", there_is_none)
        spool = Spool(database_folder, 2**20)
    assert list(adopt_orphans(database_folder, None)) == []
    assert [it.process for it in list_spools(database_folder)] == ["alive"]
    spool.close(remove=True)
    assert list(database_folder.iterdir()) == []


@pytest.mark.guarantee("bounded")
def test_shedding_takes_debug_first_and_errors_last(database_folder):
    """From 80 % of the limit DEBUG is shed, from 90 % INFO, at the limit everything; all counted."""
    spool = Spool(database_folder, 2**20)
    line = b"x" * 1023 + b"\n"

    def fill_to(share):
        while spool.entries.writer.files.bytes_held < share * 2**20:
            spool.append(line, ERROR, "filler")
        spool.measure()

    def is_taken(level):
        before = spool.entries_taken
        assert spool.append(line, level, "run")
        return spool.entries_taken == before + 1

    taken = {}
    for share in (0.5, 0.81, 0.91, 1.0):
        fill_to(share)
        taken[share] = [is_taken(level) for level in (DEBUG, INFO, WARNING, ERROR)]
    assert taken == {
        0.5: [True, True, True, True],
        0.81: [False, True, True, True],
        0.91: [False, False, True, True],
        1.0: [False, False, False, False],
    }
    assert spool.shed_counts() == {("run", "limit"): 7}
    spool.close(remove=True)


def test_without_a_folder_entries_are_kept_in_memory():
    """Where no folder can be written the spool works in memory."""
    spool = Spool(None, 2**20)
    assert spool.folder is None
    assert spool.append(b"line\n", INFO, "run")
    assert spool.entries.read(100).data == b"line\n"
    spool.close(remove=True)


@pytest.mark.guarantee("bounded")
def test_memory_is_bounded():
    """Without a folder the limit is that of the memory set aside: then entries are shed, counted."""
    spool = Spool(None, 2**20)
    line = b"x" * 1023 + b"\n"
    for _ in range(2000):
        assert spool.append(line, ERROR, "run")
    shed = spool.shed_counts()[("run", "limit")]
    assert spool.entries_taken + shed == 2000
    assert spool.entries_taken * 1024 <= 4 * 2**20 // 32 + 2**15
    spool.close(remove=True)


@pytest.mark.guarantee("secrets")
def test_a_planted_temp_folder_is_not_used(tmp_path, monkeypatch):
    """In a shared temp folder a link, or a folder that others can write, is refused."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    nowhere = {"XDG_STATE_HOME": "/proc/nowhere"}
    monkeypatch.setenv("HOME", "/proc/nowhere")
    mine = tmp_path / f"runlog-{os.getuid()}"
    (tmp_path / "elsewhere").mkdir()
    mine.symlink_to(tmp_path / "elsewhere")
    assert places.root(None, nowhere) is None
    mine.unlink()
    mine.mkdir()
    mine.chmod(0o777)
    assert places.root(None, nowhere) is None
    mine.chmod(0o700)
    assert places.root(None, nowhere) == mine


@pytest.mark.guarantee("secrets")
def test_a_link_in_place_of_a_spool_is_not_followed(database_folder, tmp_path):
    """A link among the process folders is nobody's spool."""
    database_folder.mkdir()
    (tmp_path / "target").mkdir()
    (database_folder / "20260101T000000-1-abc").symlink_to(tmp_path / "target")
    assert list(adopt_orphans(database_folder, None)) == []
    assert list((tmp_path / "target").iterdir()) == []


@pytest.mark.guarantee("true-run")
def test_a_death_is_as_old_as_what_the_dead_process_did(database_folder):
    """What another process has acknowledged of an orphan since then is no sign of life."""
    spool = Spool(database_folder, 2**20)
    spool.append(b"line\n", INFO, "run")
    spool.close(remove=False)
    for path in spool.folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    (orphan,) = adopt_orphans(database_folder, None)
    orphan.entries.acknowledge(orphan.entries.read(100).end)
    orphan.close(remove=False)
    (again,) = adopt_orphans(database_folder, None)
    assert again.last_sign_of_life == 1_700_000_000
    again.close(remove=True)


def test_looking_changes_nothing(database_folder):
    """Whoever counts what waits leaves no file, in whatever folder it is."""
    (database_folder / "a folder").mkdir(parents=True)
    (database_folder / "another" / "deeper").mkdir(parents=True)
    (database_folder / "another" / "logs-000001.copy").write_bytes(b"one\ntwo\n")
    before = sorted(database_folder.rglob("*"))
    assert [spool.entries for spool in list_spools(database_folder)] == [0, 2]
    assert sorted(database_folder.rglob("*")) == before


@pytest.mark.guarantee("disk")
@pytest.mark.parametrize("how", ["no file", "no descriptor"])
def test_what_is_in_memory_only_is_told_at_once_and_once(database_folder, monkeypatch, capfd, how):
    """At the first entry, for nothing else may run before a kill; and when all are in files again."""
    spool = Spool(database_folder, 2**20)

    def refuse(*_, **__):
        raise OSError(errno.EIO, "refused")

    told = "takes no more; entries are kept in memory, and lost with it"
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: refuse())
        patch.setattr(os, "dup2", refuse)
        patch.setattr(os, "dup", refuse)
        if how == "no file":
            patch.undo()
            patch.setattr(writer, "new_file", refuse)
            os.close(spool.entries.writer._fd)
        for number in range(3):
            assert spool.append(b"line %d\n" % number, INFO, "run")
        assert capfd.readouterr().err.count(told) == 1
        spool.touch()
        assert capfd.readouterr().err == ""
    for _ in range(2):
        spool.touch()
    assert "takes entries again; all are on disk" in capfd.readouterr().err
    assert spool.append(b"line 3\n", INFO, "run")
    assert spool.entries.count_in_memory() == 0
    spool.close(remove=True)
