"""What every test gets: the plugins of ``kit`` and an environment of its own.

Each plugin has one subject. Nothing here touches a database. Three speeds: ``tests/unit`` needs no
database; ``-m "not process and not faults"`` needs one; the rest needs real deaths.
"""

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# `kit.waiting` first: the others import it, and pytest can only rewrite the assertions of a module
# that it is told about before the module is imported.
pytest_plugins = (
    "kit.waiting",
    "kit.summary",
    "kit.fresh_process",
    "kit.dispositions",
    "kit.cluster",
    "kit.postgres",
    "kit.working_database",
    "kit.proxy",
    "kit.scripts",
    "kit.recording",
    "kit.surviving",
    "kit.asking",
    "kit.pooler",
    "kit.commands",
    "kit.evidence",
    "kit.disks",
    "kit.servers",
    "kit.aftermath",
    "kit.browser",
    "kit.receivers",
)

# On a busy machine no example is in time. What blocks a change (CI) asks the same questions each time;
# who looks for new ones asks others: pytest --hypothesis-profile=ci, short, thorough.
_patient = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", _patient, derandomize=True)
settings.register_profile("short", _patient, max_examples=40)
settings.register_profile("thorough", _patient, max_examples=1000)
settings.load_profile("short")

PREFIXES = ("RUNLOG_", "PG", "GITHUB_")
NAMES = {"DATABASE_URL", "PYTEST_ADDOPTS", "INVOCATION_ID", "KUBERNETES_SERVICE_HOST"}


_numbers = itertools.count()


@pytest.fixture(autouse=True)
def own_environment(
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Hide the settings of whoever runs the tests; return the folder for this test's spools.

    Fixtures of the session are made before this one, so `RUNLOG_TEST_DSN` still reaches them.
    """
    for name in list(os.environ):
        if name.startswith(PREFIXES) or name in NAMES:
            monkeypatch.delenv(name)
    # A folder of its own costs a test more than most of them do.
    if "tmp_path" in request.fixturenames:
        spool_dir = request.getfixturevalue("tmp_path") / "spool"
    else:
        spool_dir = tmp_path_factory.getbasetemp() / f"spool-{next(_numbers)}"
    monkeypatch.setenv("RUNLOG_SPOOL_DIR", str(spool_dir))
    return spool_dir


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes real processes and real faults, by its folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            folder = item.path.relative_to(here).parts[0]
            if folder in {"process", "faults"}:
                item.add_marker(folder)
