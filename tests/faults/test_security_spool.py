"""The spool is its user's alone: modes whatever the umask, and no link, planted or swapped, is followed."""

from __future__ import annotations

import os
import stat

import pytest
from kit.adopting import adopt_orphans
from kit.disks import IS_ROOT, waiting_folders
from kit.recording import messages
from kit.waiting import until

from runlog._spool import folders, places
from runlog._spool.dead_letters import DeadLetter, DeadLetters, NoPlaceError
from runlog._spool.spool import Spool
from runlog._spool.writer import SegmentWriter

OTHER = 12_345


def modes(place):
    """The mode of everything below ``place``."""
    return {
        path.relative_to(place): stat.S_IMODE(path.lstat().st_mode) for path in place.rglob("*")
    }


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
@pytest.mark.parametrize("place", ["given", "state", "home", "temp"])
def test_everything_in_a_spool_is_private(
    leave_orphan, database, tmp_path, monkeypatch, umask, place, evidence
):
    """Whatever the umask and wherever the spool: no folder and no file of it can be opened by anyone else, nor can the folders made for it."""
    root = tmp_path / "empty"
    root.mkdir(mode=0o700)
    environ, given = {}, None
    monkeypatch.setenv("HOME", "/proc/nowhere")
    before = os.umask(umask)
    try:
        if place == "given":
            given = str(root / "a" / "b" / "spool")
        elif place == "state":
            environ = {"XDG_STATE_HOME": str(root / "state")}
        elif place == "home":
            monkeypatch.setenv("HOME", str(root))
        else:
            monkeypatch.setattr("tempfile.tempdir", str(root))
        spool_dir = places.root(given, environ)
        assert spool_dir is not None
        orphan = leave_orphan(database, 3000, spool_dir, spool_max_bytes=2**20)
        Spool(orphan.folder.parent, 2**20).close(remove=False)
        (adopted,) = [it for it in adopt_orphans(orphan.folder.parent, None)
                      if it.folder == orphan.folder]  # fmt: skip
        adopted.entries.acknowledge(adopted.entries.read(100).end)
        adopted.close(remove=False)
        DeadLetters(orphan.folder.parent).keep([DeadLetter("content", "22P02", "reason")])
    finally:
        os.umask(before)
    found = modes(root)
    assert len([path for path in found if path.suffix == ".copy"]) > 5
    assert {"dead-letters.jsonl", "lock", "logs.ack"} <= {path.name for path in found}
    assert {str(path): oct(mode) for path, mode in found.items() if mode & 0o077} == {}
    evidence(files_and_folders=len(found))


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A temp folder that everybody can write to, and no other place for spools."""
    place = tmp_path / "tmp"
    place.mkdir()
    place.chmod(0o1777)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    monkeypatch.setenv("HOME", "/proc/nowhere")
    return place


def snapshot(place):
    return sorted(str(path) for path in place.rglob("*"))


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize(
    "planted", ["link", "dangling link", "open folder", "file", "foreign folder"]
)
def test_what_is_planted_in_a_shared_temp_folder_is_refused(shared, tmp_path, planted):
    """Where the spool would be lies something else than a private folder of this user: it is not used, and nothing is written through it."""
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    mine = shared / f"runlog-{os.getuid()}"
    if planted == "link":
        mine.symlink_to(target)
    elif planted == "dangling link":
        mine.symlink_to(target / "not there")
    elif planted == "open folder":
        mine.mkdir()
        mine.chmod(0o770)
    elif planted == "file":
        mine.touch()
    elif not IS_ROOT:
        pytest.skip("only root can make a folder another user's")
    else:
        mine.mkdir(mode=0o700)
        os.chown(mine, OTHER, OTHER)
    assert places.root(None, {}) is None
    assert list(target.iterdir()) == []


@pytest.mark.guarantee("secrets", "never-raises")
def test_a_refused_temp_folder_is_told(shared, run_script, database, connection, tmp_path):
    """With the temp folder planted a script says so in one line, runs on in memory, and all arrives."""
    (shared / f"runlog-{os.getuid()}").symlink_to(tmp_path)
    script = run_script(
        """
        import os
        del os.environ["RUNLOG_SPOOL_DIR"]
        import logging, runlog
        log = logging.getLogger("app")
        log.addHandler(runlog.RunLogHandler())
        with runlog.RunContext("planted", lifecycle_logs=False):
            log.warning("line")
        """,
        env={"RUNLOG_DSN": database, "TMPDIR": str(shared), "HOME": "/proc/nowhere"},
    )
    assert script.exit_code == 0, script.stderr
    assert script.stderr.count("no folder can be written") == 1
    assert messages(connection) == ["line"]


@pytest.mark.guarantee("secrets")
def test_the_databases_folder_is_a_link(tmp_path, database, recording, connection):
    """A link where the folder of a database would be is not followed, not even to write a lock."""
    probe = recording(database)
    place = probe.recorder._spool.folder.parent
    assert probe.close()
    place.rmdir()
    target = tmp_path / "target"
    target.mkdir()
    place.symlink_to(target)
    made = recording(database)
    made.log("line")
    assert made.recorder._spool.folder is None
    assert made.close()
    assert messages(connection, made.run.id_text) == ["line"]
    assert list(target.iterdir()) == []


@pytest.mark.guarantee("secrets")
@pytest.mark.skipif(not IS_ROOT, reason="only root can make a folder another user's")
def test_a_foreign_folder_of_the_database_is_refused(database, recording, connection):
    """The database's folder belongs to someone else, who could read names and plant spools: nothing is written to it."""
    probe = recording(database)
    place = probe.recorder._spool.folder.parent
    assert probe.close()
    os.chown(place, OTHER, OTHER)
    made = recording(database)
    made.log("line")
    assert made.recorder._spool.folder is None
    assert made.close()  # until then it may be trying again whether there is a place by now
    assert messages(connection, made.run.id_text) == ["line"]
    assert list(place.iterdir()) == []


@pytest.mark.guarantee("secrets")
@pytest.mark.skipif(not IS_ROOT, reason="only root can make a folder another user's")
def test_a_planted_spool_of_another_user_is_not_delivered(
    leave_orphan, recording, database, connection
):
    """A spool that another user made among ours forges no entries: it is left as it is."""
    orphan = leave_orphan(database, 10)
    os.chown(orphan.folder, OTHER, OTHER)
    before = snapshot(orphan.folder)
    made = recording(database)
    made.log("mine")
    assert made.close()
    assert messages(connection) == ["mine"]
    assert snapshot(orphan.folder) == before


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("kind", ["link", "hard link", "dangling link", "pipe"])
def test_a_planted_segment_is_not_written_to(tmp_path, kind):
    """The name of the next file is taken by a link, a hard link or a pipe: nothing is written through it, no line is lost."""
    folder, target = tmp_path / "spool", tmp_path / "target"
    folder.mkdir()
    target.write_text("as it was")
    for number in (2, 3):
        name = folder / f"logs-{number:06d}.copy"
        if kind == "link":
            name.symlink_to(target)
        elif kind == "dangling link":
            name.symlink_to(tmp_path / "not there")
        elif kind == "hard link":
            name.hardlink_to(target)
        else:
            os.mkfifo(name)
    writer = SegmentWriter(folder, "logs", ".copy", segment_bytes=2**14)
    for number in range(5000):
        assert writer.append(b"line %06d\n" % number)
    assert target.read_text() == "as it was"
    assert not (tmp_path / "not there").exists()
    assert writer.files.last() > 3
    assert writer.lines_written == 5000
    writer.seal()
    writer.abandon()


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize(
    "name", ["lock", "logs.ack", "runs.ack", "logs-000001.copy", "runs-000001.jsonl"]
)
def test_a_link_in_an_orphan_is_not_followed(
    leave_orphan, recording, database, connection, tmp_path, name
):
    """A file of an orphaned spool became a link to a file of the user's: that file is neither read into the database, written nor removed."""
    orphan = leave_orphan(database, 10)
    target = tmp_path / "private"
    target.write_text("as it was\n")
    (orphan.folder / name).unlink(missing_ok=True)
    (orphan.folder / name).symlink_to(target)
    made = recording(database)
    made.log("mine")
    made.close()
    assert target.read_text() == "as it was\n"
    stored = messages(connection)
    assert "mine" in stored
    assert "as it was" not in stored


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("when", ["before the lock", "before the removal"])
def test_a_folder_swapped_for_a_link_is_not_touched(
    leave_orphan, database, tmp_path, monkeypatch, when
):
    """Between the look and the use a process folder is swapped for a link to a folder full of files: not one of them is removed, no lock is made there."""
    orphan = leave_orphan(database, 10)
    place = orphan.folder.parent
    precious = tmp_path / "precious"
    precious.mkdir()
    for name in ("letter.txt", "logs-000001.copy", "key"):
        (precious / name).write_text("as it was")

    def swap():
        orphan.folder.rename(tmp_path / "moved")
        orphan.folder.symlink_to(precious)

    if when == "before the lock":
        listed = folders.list_folders(place)
        swap()
        monkeypatch.setattr(folders, "list_folders", lambda _: listed)
        assert list(adopt_orphans(place, None)) == []
    else:
        (adopted,) = adopt_orphans(place, None)
        swap()
        adopted.close(remove=True)
    assert sorted(path.name for path in precious.iterdir()) == [
        "key",
        "letter.txt",
        "logs-000001.copy",
    ]
    assert all(path.read_text() == "as it was" for path in precious.iterdir())


@pytest.mark.guarantee("secrets")
def test_a_folder_swapped_for_another_is_not_removed(leave_orphan, database, tmp_path):
    """The folder behind the name is another one when it is to be removed, with a lock of its own: it stays."""
    orphan = leave_orphan(database, 10)
    (adopted,) = adopt_orphans(orphan.folder.parent, None)
    orphan.folder.rename(tmp_path / "moved")
    orphan.folder.mkdir()
    for name in ("lock", "mine.txt"):
        (orphan.folder / name).write_text("as it was")
    adopted.close(remove=True)
    assert sorted(path.name for path in orphan.folder.iterdir()) == ["lock", "mine.txt"]


@pytest.mark.guarantee("secrets")
def test_a_planted_letter_file_is_not_followed(tmp_path):
    """A link in place of the dead letters is not written through."""
    target = tmp_path / "target"
    target.write_text("as it was")
    (tmp_path / "dead-letters.jsonl").symlink_to(target)
    with pytest.raises(NoPlaceError):
        DeadLetters(tmp_path).keep([DeadLetter("content", None, "reason")])
    assert target.read_text() == "as it was"


@pytest.mark.guarantee("secrets")
def test_the_folders_name_tells_no_secret(recording, tmp_path):
    """Neither user nor password of the address stand in the names of files and folders."""
    # No name that hexadecimal digits can spell.
    dsn = "postgresql://zorro:s3cr3t-w0rd@127.0.0.1:1/name"
    made = recording(dsn)
    made.close(0.1)
    names = [str(path) for path in (tmp_path / "spool").rglob("*")]
    until(lambda: waiting_folders(tmp_path / "spool"))
    assert names
    assert not [name for name in names if "zorro" in name.split("spool")[1] or "s3cr3t" in name]
