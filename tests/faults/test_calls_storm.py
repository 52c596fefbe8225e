"""System calls of the spool and the socket that fail at random: nothing is lost uncounted, nothing raises."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from kit.waiting import eventually

from runlog._spool import folders

SHIM = Path(__file__).with_name("failing_calls.c")
HALF = 0
FILES = [
    errno.EIO,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EMFILE,
    errno.EACCES,
    errno.ENOMEM,
    errno.EROFS,
]
CALLS = {
    "open": FILES,
    "write": [errno.EIO, errno.ENOSPC, errno.EFBIG, HALF],
    "pread": [errno.EIO, errno.ENOMEM, HALF],
    "pwrite": [errno.EIO, errno.ENOSPC, HALF],
    "flock": [errno.EIO, errno.ENOLCK, errno.EWOULDBLOCK],
    "rename": [errno.EIO, errno.EACCES],
    "unlink": [errno.EIO, errno.EROFS],
    "mkdir": FILES,
    "stat": [errno.EIO, errno.ENOMEM],
    "dup": [errno.EMFILE],
    "memory": [errno.EMFILE, errno.ENOMEM],
    "connect": [errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EMFILE],
    "send": [errno.ECONNRESET, errno.EPIPE, HALF],
    "recv": [errno.ECONNRESET, errno.EIO],
}
SCRIPT = """
    import logging, os, sys, threading
    import runlog

    ledger = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    seed, threads, lines, size = map(int, sys.argv[2:])
    log = logging.getLogger("storm")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log.addHandler(runlog.RunLogHandler())

    def work(thread):
        for number in range(lines):
            word = f"w{seed}t{thread}n{number:04d}"
            try:
                log.info("%s %s", word, "q" * (number * 37 % size))
                os.write(ledger, f"returned {word}\\n".encode())
            except BaseException as error:
                os.write(ledger, f"raised {error!r}\\n".encode())

    with runlog.RunContext("storm", lifecycle_logs=False):
        workers = [threading.Thread(target=work, args=(each,)) for each in range(1, threads)]
        for worker in workers:
            worker.start()
        work(0)
        for worker in workers:
            worker.join()
"""
SETTINGS = {
    "RUNLOG_FLUSH_INTERVAL": "0.05",
    "RUNLOG_RETRY_INTERVAL": "0.05",
    "RUNLOG_RETRY_INTERVAL_MAX": "0.2",
    "RUNLOG_EXIT_TIMEOUT": "2",
    "RUNLOG_SPOOL_MAX_BYTES": "1048576",
}


@pytest.fixture(scope="session")
def failing_calls(tmp_path_factory):
    """A library that makes chosen calls of one process fail, where a compiler is."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: system calls cannot be made to fail")
    library = tmp_path_factory.mktemp("calls") / "failing.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the library does not compile here: {done.stderr[:200]}")
    return library


def weather(seed, database, library, spool_dir):
    """What fails how often, and what the script does: by the seed alone."""
    chance = random.Random(seed)
    rules = [
        f"{call}:{chance.choice(CALLS[call])}:{chance.choice([3, 10, 30, 100, 300])}:"
        f"{chance.choice([1, 1, 2, 5, 20])}"
        for call in chance.sample(sorted(CALLS), chance.choice([1, 2, 3, 5]))
    ]
    environment = {
        **SETTINGS,
        "RUNLOG_DSN": database,
        "LD_PRELOAD": str(library),
        "FAIL_CALLS": ",".join(rules),
        "FAIL_SEED": str(seed),
        "FAIL_AFTER": str(chance.choice([0, 0, 20, 60, 150])),
        "FAIL_BELOW": f"{spool_dir}/",
        "FAIL_PORT": re.search(r"port=(\d+)", database)[1],
    }
    return environment, (
        chance.choice([1, 1, 2, 4]),
        chance.choice([60, 200]),
        chance.choice([50, 800]),
    )


def told_losses(stderr):
    """How many entries the process said it could not keep."""
    patterns = (
        r"up to (\d+) of them are in memory",
        r"(\d+) entr(?:y|ies) in memory could not be delivered: lost",
        r"(\d+) entr(?:y was|ies were) shed",
    )
    return sum(int(count) for pattern in patterns for count in re.findall(pattern, stderr))


@pytest.mark.guarantee("disk", "conservation", "never-raises", "exactly-once", "true-run")
@pytest.mark.storm(short=8, long=500)
def test_system_calls_that_fail(
    failing_calls, run_script, commands, database, connection, own_environment, tmp_path, rounds,
    request, evidence
):  # fmt: skip
    """Calls on files and the socket fail, fully or half, at random: every entry whose call returned is stored once, kept, or counted and told, and the run is true."""
    first = random.SystemRandom().randrange(10**6) if request.config.getoption("--storm") else 0
    totals = Counter()
    for seed in range(first, first + rounds):
        counts = storm(seed, failing_calls, run_script, commands, database, connection,
                       own_environment, tmp_path)  # fmt: skip
        totals.update(counts)
        connection.execute("truncate runs, logs")
    evidence(storms=rounds, entries=totals["returned"], lost=0, doubled=0, told=totals["told"])


def storm(seed, library, run_script, commands, database, connection, spool_dir, tmp_path):
    environment, (threads, lines, size) = weather(seed, database, library, spool_dir)
    story = f"seed {seed}: {environment['FAIL_CALLS']} after {environment['FAIL_AFTER']}"
    ledger = tmp_path / f"ledger-{seed}"
    script = run_script(SCRIPT, ledger, seed, threads, lines, size, env=environment)
    story += f"\n{script.stderr}"
    assert script.exit_code == 0, story
    assert "Traceback" not in script.stderr, story
    noted = [line.split(" ", 1) for line in ledger.read_text().splitlines()]
    assert [what for kind, what in noted if kind == "raised"] == [], story
    returned = [what for _, what in noted]
    assert len(returned) == threads * lines, story
    eventually(lambda: recover(commands, connection, spool_dir, script.stderr, story), 60)
    stored = Counter(
        message.split(" ")[0]
        for (message,) in connection.execute("select message from logs where message like 'w%%'")
    )
    assert max(stored.values(), default=1) == 1, story
    shed = shed_of(connection)
    told = told_losses(script.stderr)
    # Entries of a run whose start was in memory only, and told to be lost with it.
    letters = "".join(path.read_text() for path in spool_dir.rglob("dead-letters.jsonl"))
    kept = set(re.findall(rf"w{seed}t\d+n\d+", letters))
    lost = [word for word in returned if word not in stored and word not in kept]
    assert len(lost) <= shed + told, (
        f"{story}\n{len(lost)} lost, {shed} shed, {told} told: {lost[:9]}"
    )
    return {"returned": len(returned), "told": shed + told}


def shed_of(connection):
    query = "select coalesce(sum((meta ->> 'shed')::int), 0) from logs where step = 'RUNLOG'"
    return connection.execute(query).fetchone()[0]


def recover(commands, connection, spool_dir, stderr, story):
    """Deliver what was left, as the next process does."""
    for place in spool_dir.iterdir():
        for folder in folders.list_folders(place):
            for path in (folder, *folder.iterdir()):
                # As if a minute had passed: what was begun and never locked is anybody's.
                os.utime(path, (path.stat().st_mtime - 100,) * 2)
    code, out, err = commands.run("flush")
    assert code == 0, f"{story}\n{out}{err}"
    statuses = [row[0] for row in connection.execute("select status from runs")]
    is_told = "in memory could not be delivered" in stderr or "events of runs" in stderr
    assert statuses == ["success"] or is_told, f"{story}\n{statuses}"
