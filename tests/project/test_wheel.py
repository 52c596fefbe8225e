"""The wheel as a user gets it: built, installed elsewhere, used on a database."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which the freshly built wheel was installed, without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    run = [sys.executable, "-m"]
    subprocess.run(
        [*run, "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run(
        [*run, "pip", "install", "--quiet", "--no-deps", "--target", folder / "site", wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "site"


def python(installed, *arguments, **environ):
    """Run Python with the installed package first on the path, far from the checkout."""
    kept = {name: os.environ[name] for name in ("PATH", "RUNLOG_SPOOL_DIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=installed.parent,
        env={**kept, "PYTHONPATH": str(installed), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_the_sql_and_no_tests(installed):
    """All that the package needs at run time is in the wheel, and nothing else."""
    (wheel,) = (installed.parent / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "runlog/sql/migrations/0001_create_logging_system.sql" in names
    assert "runlog/sql/delivery/insert_entries.sql" in names
    assert "runlog/py.typed" in names
    assert {"runlog/dashboard/templates/run.html", "runlog/dashboard/static/app.js"} <= set(names)
    assert [name for name in names if "test_" in name] == []


def test_the_description_has_no_link_into_the_checkout(installed):
    """What a page about the package shows leads nowhere that is not there."""
    (wheel,) = (installed.parent / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        description = archive.read(name).decode().partition("\n\n")[2]
    assert "The history of every job you run" in description
    assert re.findall(r"\]\((?!https?:)[^)]*\)", description) == []


def test_the_installed_package_migrates_and_records(installed, empty_database):
    """The command creates the tables, and a script records into them."""
    environ = {"RUNLOG_DSN": empty_database}
    migrated = python(installed, "-m", "runlog", "migrate", **environ)
    assert migrated.returncode == 0, migrated.stderr
    script = (
        "import logging, runlog; runlog.install('from-the-wheel');"
        "logging.getLogger('app').info('hello', extra={'step': 'FETCH'}); print(runlog.__file__)"
    )
    recorded = python(installed, "-c", script, **environ)
    assert recorded.returncode == 0, recorded.stderr
    assert Path(recorded.stdout.strip()).is_relative_to(installed)
    with psycopg.connect(empty_database) as connection:
        rows = connection.execute(
            "select r.script_name, r.status, l.step, l.message"
            " from runs r join logs l on l.run_id = r.id order by l.timestamp, l.id"
        ).fetchall()
    assert rows == [
        ("from-the-wheel", "success", "START", "Starting from-the-wheel"),
        ("from-the-wheel", "success", "FETCH", "hello"),
        ("from-the-wheel", "success", "END", "from-the-wheel completed successfully"),
    ]
