"""The fixtures that ``pytest_plugins = ["runlog.testing"]`` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runlog._database import driver
from runlog.testing._capture import Capture, capture
from runlog.testing._database import (
    Database,
    migrated_database,
    new_database,
    recording_to,
    running_server,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def runlog_capture() -> Iterator[Capture]:
    """What the test records, without a database: ``.runs``, ``.entries``."""
    with capture() as captured:
        yield captured


@pytest.fixture(scope="session")
def runlog_server() -> Iterator[str]:
    """Address of the session's PostgreSQL: ``RUNLOG_TEST_DSN``, else an embedded one."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def _runlog_template(runlog_server: str) -> Iterator[str]:
    with migrated_database(runlog_server) as dsn:
        yield dsn


@pytest.fixture
def runlog_database(
    runlog_server: str,
    _runlog_template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Database]:
    """A migrated database of the test's own, to which all that it records goes."""
    template = str(driver.conninfo_to_dict(_runlog_template)["dbname"])
    with new_database(runlog_server, template) as dsn:
        # For processes that the test starts.
        monkeypatch.setenv("RUNLOG_DSN", dsn)
        monkeypatch.setenv("RUNLOG_SPOOL_DIR", str(tmp_path / "runlog-spool"))
        with (
            recording_to(dsn, tmp_path / "runlog-spool"),
            driver.Connection.connect(dsn, autocommit=True) as connection,
        ):
            yield Database(dsn, connection)
