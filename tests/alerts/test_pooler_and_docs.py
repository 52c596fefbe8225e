"""Through a pooler in transaction mode, and what the how-to page says, run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import yaml
from kit.rows import add_run
from kit.scenes import T, at
from kit.scripts import CHECKOUT

from runlog.alerts import look

PAGE = (CHECKOUT / "docs" / "how-to" / "alerts.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.guarantee("own-connection")
def test_looks_through_a_transaction_pooler(scene, pooler):
    """Six watchers at once over two sessions: one incident, one message, no session state."""
    scene.run(T, status="error")

    def watch(number):
        with psycopg.connect(pooler, autocommit=True, prepare_threshold=None) as connection:
            # All within the minute for which one of them may have the message in its hands.
            for seconds in (0, 10, 20):
                now = at("02:05") + timedelta(seconds=seconds)
                look(connection, "public", scene.watcher(f"w{number}"), now=now)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(watch, range(6)))
    assert scene.receiver.take() == ["✖ sync failed"]
    assert scene.incidents() == [("failed", "open")]


def test_the_crontab_line_is_run(connection, database, http_sink, tmp_path):
    """As cron runs it: by sh, with next to no environment, reading ~/.runlog.env."""
    add_run(connection, status="error", error_message="no")
    [line] = blocks("cron")
    command = line.split(None, 5)[5]
    (tmp_path / ".runlog.env").write_text(
        f"export RUNLOG_DSN='{database}'\nexport RUNLOG_ALERT_URLS='{http_sink.webhook}'\n"
    )
    program = tmp_path / "runlog"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m runlog "$@"\n')
    program.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    environ = {"HOME": str(tmp_path), "PATH": path, "SHELL": "/bin/sh", "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=environ, cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [document["title"] for document in http_sink.documents()] == ["✖ sync failed"]


def test_the_systemd_units_are_sound(tmp_path):
    """systemd takes both files without a complaint."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    paths = []
    for text in blocks("ini"):
        name = text.splitlines()[0].removeprefix("# ")
        paths.append(tmp_path / name)
        paths[-1].write_text(text)
    done = subprocess.run(
        [program, "verify", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "runlog-watch" not in done.stderr


def test_the_workflow_runs_what_it_says(connection, database, http_sink, tmp_path):
    """Its triggers and its command; the command is run with GitHub's variables."""
    add_run(connection, status="error", error_message="no")
    workflow = yaml.safe_load(blocks("yaml")[0])
    # YAML 1.1 takes the key "on" for true.
    assert set(workflow[True]) == {"workflow_run", "schedule"}
    job = workflow["jobs"]["watch"]
    assert set(job["env"]) == {"RUNLOG_DSN", "RUNLOG_ALERT_URLS", "RUNLOG_PING_URL"}
    command = job["steps"][-1]["run"].replace("runlog", f"{sys.executable} -m runlog")
    environ = {
        **os.environ, "RUNLOG_DSN": database, "RUNLOG_ALERT_URLS": http_sink.webhook,
        "RUNLOG_PING_URL": "", "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "me/jobs",
        "GITHUB_WORKFLOW": workflow["name"], "PYTHONPATH": str(CHECKOUT),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-e", "-c", command], env=environ, cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [document["title"] for document in http_sink.documents()] == ["✖ sync failed"]
    names = connection.execute("select name from runlog_watchers").fetchall()
    assert names == [("github:me/jobs/watch",)]


def test_the_file_of_the_page_is_understood(tmp_path):
    """The example of runlog.toml, as it stands."""
    from runlog.alerts import find_config

    path = Path(tmp_path) / "runlog.toml"
    path.write_text(blocks("toml")[0])
    config = find_config(str(path), {})
    assert set(config.scripts) == {"nightly-report", "hubspot-*"}
    assert json.dumps(config.scripts["hubspot-*"]) == '{"partial": {"threshold": 0.05}}'
