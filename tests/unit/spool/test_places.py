"""Where spools lie: one folder a user, whoever else puts theirs in the same place."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from runlog._settings import resolve
from runlog._spool import places
from runlog._spool.spool import Spool

IS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
OWN = f"runlog-{os.getuid()}"
OTHER = 65_533


def test_a_folder_of_ones_own_is_taken_as_it_is(tmp_path):
    """What is this user's alone needs no folder in it, also where a group may look."""
    assert places.root(str(tmp_path / "new"), {}) == tmp_path / "new"
    (tmp_path / "new").chmod(0o775)
    assert places.root(str(tmp_path / "new"), {}) == tmp_path / "new"


@pytest.mark.guarantee("secrets", "survives-death")
def test_a_folder_that_all_can_write_to_has_one_for_each_user(tmp_path):
    """Whoever comes first shuts nobody out."""
    tmp_path.chmod(0o1777)
    place = places.root(str(tmp_path), {})
    assert place == tmp_path / OWN
    assert place.stat().st_mode & 0o777 == 0o700


@pytest.mark.guarantee("secrets")
@pytest.mark.parametrize("planted", ["link", "open"])
def test_a_planted_folder_is_not_used(tmp_path, planted):
    """Among others a link, or a folder that others can write to, is refused."""
    tmp_path.chmod(0o1777)
    (tmp_path / "elsewhere").mkdir()
    if planted == "link":
        (tmp_path / OWN).symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / OWN).mkdir()
        (tmp_path / OWN).chmod(0o777)
    assert places.root(str(tmp_path), {}) is None


@pytest.mark.skipif(not IS_ROOT, reason="only root can make a folder another user's")
@pytest.mark.parametrize("owner_of_ours", [None, OTHER, OTHER - 1])
def test_a_folder_of_another_user(tmp_path, owner_of_ours):
    """In another's place we have a folder of our own, which on a share may look like theirs."""
    os.chown(tmp_path, OTHER, OTHER)
    if owner_of_ours is not None:
        (tmp_path / OWN).mkdir(mode=0o700)
        os.chown(tmp_path / OWN, owner_of_ours, owner_of_ours)
    is_usable = owner_of_ours in {None, OTHER}
    assert places.root(str(tmp_path), {}) == (tmp_path / OWN if is_usable else None)


@pytest.mark.guarantee("survives-death")
def test_a_relative_folder_stays_where_it_was(tmp_path, monkeypatch):
    """A process that changes its folder finds its spools where they were."""
    monkeypatch.chdir(tmp_path)
    name = f"relative-{os.urandom(4).hex()}"
    before = places.root(name, {})
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert places.root(name, {}) == before == tmp_path / name


@pytest.mark.guarantee("disk")
def test_a_disk_that_cannot_answer_is_asked_again(tmp_path, monkeypatch):
    """An error of the moment at the start is not for life: the spool leaves memory at the next look."""
    settings = resolve({"dsn": "host=127.0.0.1", "spool_dir": str(tmp_path / "spool")})

    def refuse(*_, **__):
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        folder = places.database_folder(settings)
        spool = Spool(folder, 2**20)
        assert spool.append(b"line\n", 20, "run")
        assert spool.folder is None
        spool.touch()
        assert spool.folder is None
    spool.touch()
    assert spool.folder.parent == folder
    assert (spool.folder / "logs-000001.copy").read_bytes() == b"line\n"
    spool.close(remove=True)


def test_an_error_of_the_moment_is_no_reason_to_go_elsewhere(tmp_path, monkeypatch):
    """The usual folder is waited for: in another one nobody would look later."""
    real_mkdir = Path.mkdir

    def refuse(self, *args, **options):
        if self.name == "runlog":
            raise OSError(errno.EMFILE, "no descriptor")
        real_mkdir(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert places.root(None, os.environ) is None
    monkeypatch.delenv("RUNLOG_SPOOL_DIR")
    settings = resolve({"dsn": "host=127.0.0.1"})
    assert places.database_folder(settings).parent == tmp_path / "state" / "runlog"
