"""What every test gets: the helper plugins and an environment of its own.

Each plugin beside this file has one subject. Nothing here touches a database.
"""

import os
from pathlib import Path

import pytest

# `waiting` first: the others import it, and pytest can only rewrite the assertions of a module
# that it is told about before the module is imported.
pytest_plugins = (
    "waiting",
    "summary",
    "fresh_process",
    "dispositions",
    "postgres",
    "proxy",
    "scripts",
    "recording",
    "asking",
    "pooler",
    "commands",
    "evidence",
    "disks",
    "servers",
    "aftermath",
)

PREFIXES = ("RUNLOG_", "PG", "GITHUB_")
NAMES = {"DATABASE_URL", "INVOCATION_ID", "KUBERNETES_SERVICE_HOST"}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hide the settings of whoever runs the tests; return the folder for this test's spools.

    Fixtures of the session are made before this one, so `RUNLOG_TEST_DSN` still reaches them.
    """
    for name in list(os.environ):
        if name.startswith(PREFIXES) or name in NAMES:
            monkeypatch.delenv(name)
    spool_dir = tmp_path / "spool"
    monkeypatch.setenv("RUNLOG_SPOOL_DIR", str(spool_dir))
    return spool_dir
