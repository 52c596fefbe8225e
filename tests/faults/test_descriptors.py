"""Descriptors that are closed, missing or standard: the program's files stay whole, entries arrive."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from kit.recording import messages

from runlog._spool import folders
from runlog._spool.orphan import OrphanedSpool

CLOSING = """
    import logging, os, sys, tempfile, time
    import runlog
    from runlog._recorder import registry

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler(retry_interval=60, spool_max_bytes=2**20))
    with runlog.RunContext("closer", lifecycle_logs=False) as run:
        for number in range(20):
            log.info("line %06d %s", number, "x" * 2000)
        # The one attempt is over, and its files and sockets are closed.
        while not registry.current()._shipper._failures:
            time.sleep(0.01)
        os.closerange(3, int(sys.argv[1]))
        files = [tempfile.TemporaryFile(buffering=0) for _ in range(12)]
        for file in files:
            file.write(b"mine")
        for number in range(20, 60):
            log.info("line %06d %s", number, "x" * 2000)
            time.sleep(0.01)
        print(sum(file.seek(0) == 0 and file.read() == b"mine" for file in files), flush=True)
        os._exit(0)
"""


@pytest.mark.guarantee("never-raises", "conservation")
@pytest.mark.parametrize("until", [256, 65_536])
def test_a_library_closes_everything(run_script, until, evidence):
    """Every number is closed, and files of the program get them: these stay whole, and no entry is lost."""
    # Nobody listens there: the socket to a server is not the spool's.
    script = run_script(CLOSING, until, env={"RUNLOG_DSN": "host=127.0.0.1 port=1"})
    assert script.stdout.split() == ["12"], script.stderr
    stored = stored_lines(Path(os.environ["RUNLOG_SPOOL_DIR"]))
    assert stored == [f"line {number:06d}" for number in range(60)]
    evidence(entries=60, lost=60 - len(set(stored)))


def stored_lines(spool_dir):
    """The entries that wait in the spools of the one database there is."""
    (place,) = spool_dir.iterdir()
    lines = []
    for folder in folders.list_folders(place):
        orphan = OrphanedSpool(folder, folders.adopt(folder))
        while block := orphan.entries.read(2**20):
            rows = block.data.decode().splitlines()
            lines += [row.split("\t")[5].split(" x")[0] for row in rows]
            orphan.entries.acknowledge(block.end)
        orphan.close(remove=True)
    return sorted(lines)


STANDARD = """
    import contextlib, logging, os, sys, time
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())
    with runlog.RunContext("standard", lifecycle_logs=False) as run:
        log.info("line 0")
        def look():
            for number in (0, 1, 2):
                with contextlib.suppress(OSError):
                    yield os.readlink(f"/proc/self/fd/{number}")
        # Twice: any file has such a number for the moment in which it is moved out of the way.
        spool = set(look())
        time.sleep(0.1)
        spool &= set(look())
        output = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
        for number in (0, 1, 2):
            os.dup2(output, number)
        os.write(1, repr([name for name in spool if "runlog" in name or "copy" in name]).encode())
        for number in range(1, 6):
            log.info("line %d", number)
"""


@pytest.mark.guarantee("never-raises", "conservation")
def test_standard_descriptors_that_are_closed(run_script, database, connection, tmp_path):
    """Started without stdin, stdout and stderr, which it opens later: no file of the spool is one of them."""
    inner = tmp_path / "inner.py"
    inner.write_text(textwrap.dedent(STANDARD))
    output = tmp_path / "output"
    subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" "{inner}" "{output}" <&- >&- 2>&-'],
        env={**os.environ, "RUNLOG_DSN": database},
        check=True,
    )
    assert output.read_bytes() == b"[]"
    run_script("import runlog\nwith runlog.RunContext('next'): pass", env={"RUNLOG_DSN": database})
    assert messages(connection)[:6] == [f"line {number}" for number in range(6)]


CONNECTED = """
    import logging, os, tempfile
    import runlog

    log = logging.getLogger("app")
    log.setLevel(logging.INFO)
    log.addHandler(runlog.RunLogHandler())
    with runlog.RunContext("connected", lifecycle_logs=False) as run:
        log.info("line 0")
        assert runlog.flush(20)
        os.closerange(3, 256)
        files = [tempfile.TemporaryFile(buffering=0) for _ in range(12)]
        for file in files:
            file.write(b"mine")
        for number in range(1, 4):
            log.info("line %d", number)
            assert runlog.flush(20)
        print(sum(file.seek(0) == 0 and file.read() == b"mine" for file in files), flush=True)
"""


@pytest.mark.guarantee("never-raises", "conservation")
def test_the_socket_to_the_server_is_closed(run_script, database, connection):
    """A file of the program gets the number of libpq's socket: it stays whole, and the lines arrive on another."""
    script = run_script(CONNECTED, env={"RUNLOG_DSN": database})
    assert (script.exit_code, script.stdout.split()) == (0, ["12"]), script.stderr
    assert messages(connection) == [f"line {number}" for number in range(4)]


TAKEN_OVER = """
    import os, sys, threading
    import psycopg
    from runlog._database.connection import LostSocketError, WriteConnection, connect

    dsn, path, when = sys.argv[1:]
    mine = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(mine, b"mine")

    def take(number):
        os.dup2(mine, number)

    def open_connection(dsn):
        return connect(dsn, name="test", timeout=10, kind=WriteConnection)

    if when == "connecting":
        steps = WriteConnection._connect_gen(dsn)
        take(next(steps)[0])
        use = lambda: steps.send(1)
    else:
        opened = open_connection(dsn)
        if when == "between":
            take(opened.fileno())
            assert opened.closed
            use = lambda: opened.execute("select 1")
        else:
            threading.Timer(0.3, take, [opened.fileno()]).start()
            use = lambda: opened.execute("select pg_sleep(20)")
    try:
        use()
    except LostSocketError as error:
        print("refused")
    if when != "connecting":
        opened.close()
        os.fstat(opened.fileno())
"""


@pytest.mark.guarantee("never-raises")
@pytest.mark.parametrize("when", ["connecting", "between", "waiting"])
def test_a_file_has_the_number_of_a_socket(run_script, database, tmp_path, when):
    """Nothing is written into it, also not at the interpreter's end, and nothing closes it."""
    script = run_script(TAKEN_OVER, database, tmp_path / "mine", when)
    assert (script.exit_code, script.stdout, script.stderr) == (0, "refused\n", "")
    assert (tmp_path / "mine").read_bytes() == b"mine"


NO_STANDARD = """
    import os, sys
    from runlog._database.connection import WriteConnection, connect

    opened = connect(sys.argv[1], name="test", timeout=10, kind=WriteConnection)
    here = [os.path.exists(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
    with open(sys.argv[2], "w") as file:
        print(opened.fileno() > 2, here, opened.execute("select 7").fetchone(), file=file)
"""


@pytest.mark.guarantee("never-raises")
def test_a_socket_is_no_standard_descriptor(database, tmp_path):
    """Without stdin, stdout and stderr the connection leaves their numbers to the program."""
    inner, output = tmp_path / "inner.py", tmp_path / "output"
    inner.write_text(textwrap.dedent(NO_STANDARD))
    command = f'exec "{sys.executable}" "{inner}" "{database}" "{output}" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", command], check=True)
    assert output.read_text().split("\n")[0] == "True [False, False, False] (7,)"


NOT_EVEN_IMPORTS = """
    import logging, os, resource
    import runlog

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    held = []
    try:
        while True:
            held.append(os.dup(1))
    except OSError:
        pass
    run = runlog.install("full")
    logging.warning("line 0")
    for number in held:
        os.close(number)
    logging.warning("line 1")
    assert runlog.flush(45)
"""


@pytest.mark.guarantee("never-raises", "true-run", "conservation")
def test_nothing_can_be_imported_at_the_start(run_script, database, connection):
    """With no descriptor free Python cannot import: the run begins and is recorded all the same."""
    script = run_script(NOT_EVEN_IMPORTS, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    assert "Traceback" not in script.stderr, script.stderr
    assert [it for it in messages(connection) if it.startswith("line")] == ["line 0", "line 1"]
    assert connection.execute("select status from runs").fetchall() == [("success",)]
