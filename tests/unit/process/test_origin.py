"""Where a run comes from, read from the environment, the parents and git's files."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runlog._process import origin

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_REPOSITORY": "shop/sync",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_EVENT_NAME": "schedule",
    "GITHUB_ACTOR": "mona",
    "GITHUB_SHA": "abc123",
}


@pytest.fixture
def surroundings(monkeypatch):
    """``surroundings(terminal=False, parents=())``: what else the detection looks at."""

    def be(*, terminal=False, parents=()):
        monkeypatch.setattr(origin, "_has_terminal", lambda: terminal)
        monkeypatch.setattr(origin, "_ancestors", lambda: iter(parents))

    be()
    return be


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "manual"),
        ({"GITHUB_ACTIONS": "true"}, "github-actions"),
        ({"GITHUB_ACTIONS": "false"}, "manual"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"INVOCATION_ID": "1"}, "systemd"),
        ({"INVOCATION_ID": "1", "SYSTEMD_EXEC_PID": str(os.getpid())}, "systemd"),
        ({"INVOCATION_ID": "1", "SYSTEMD_EXEC_PID": str(os.getppid())}, "systemd"),
        ({"INVOCATION_ID": "1", "SYSTEMD_EXEC_PID": "1"}, "manual"),
    ],
)
def test_what_the_environment_tells(surroundings, environ, expected):
    """Each starter leaves a mark; systemd's counts only in what systemd itself started."""
    assert origin.triggered_by(environ) == expected


@pytest.mark.parametrize("name", ["cron", "crond", "supercronic"])
def test_cron_is_found_among_the_parents(surroundings, name):
    """cron marks nothing, and is itself a service whose marks its children inherit."""
    surroundings(parents=["sh", name, "systemd"])
    assert origin.triggered_by({"INVOCATION_ID": "1"}) == "cron"


def test_a_person_at_a_terminal_is_manual(surroundings):
    """Also below a cron daemon that was started by hand."""
    surroundings(terminal=True, parents=["bash", "cron"])
    assert origin.triggered_by({"INVOCATION_ID": "1"}) == "manual"


def test_the_parents_are_read_up_to_the_first_process():
    """In a container the cron daemon may be process 1."""
    names = list(origin._ancestors())
    first = Path("/proc/1/stat").read_text().partition("(")[2].rpartition(")")[0].lower()
    assert names
    assert names[-1] == first


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_parent_whose_name_is_no_whole_text(tmp_path):
    """The kernel cuts names after 15 bytes, in the middle of a letter too; the others are read."""
    wrapper = tmp_path / "синхронизация.sh"
    source = "from runlog._process import origin; print(ascii(list(origin._ancestors())))"
    wrapper.write_text(f"#!/bin/sh\n'{sys.executable}' -c '{source}'\nexit $?\n")
    wrapper.chmod(0o700)
    done = subprocess.run([wrapper], capture_output=True, text=True, check=True)
    names = ast.literal_eval(done.stdout)
    assert names[0].encode("utf-8", "surrogateescape") == "синхронизация".encode()[:15]
    assert len(names) > 1


def test_what_github_tells():
    """URL of the run, attempt, event and actor; the commit is GitHub's."""
    facts = origin.about(GITHUB, ["sync.py", "--full"])
    assert facts["argv"] == ["sync.py", "--full"]
    assert facts["git_commit"] == "abc123"
    assert facts["github"] == {
        "attempt": "2",
        "event": "schedule",
        "actor": "mona",
        "repository": "shop/sync",
        "url": "https://github.example/shop/sync/actions/runs/42",
    }


def git(folder, *words):
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_the_commit_of_the_script(repository):
    """Read from git's files, also from a folder below; git itself is not started."""
    (repository / "jobs").mkdir()
    assert origin.git_commit(repository / "jobs") == git(repository, "rev-parse", "HEAD")


def test_the_commit_in_other_states(repository, tmp_path):
    """Packed refs, a detached HEAD and a linked work tree are read as well."""
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    assert origin.git_commit(repository) == commit
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    assert origin.git_commit(tmp_path / "linked") == commit
    git(repository, "checkout", "-q", "--detach")
    assert origin.git_commit(repository) == commit


def test_no_commit(tmp_path):
    """Outside of a repository, and in a broken one, there is none, and nothing raises."""
    assert origin.git_commit(tmp_path) is None
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert origin.git_commit(tmp_path) is None
