"""The command: what it needs, what it says, and the month that the demo invents."""

import subprocess
import sys
import urllib.request

import psycopg
import pytest
from kit.browser import serving
from kit.waiting import eventually

from runlog import queries
from runlog.cli import _demo_month
from runlog.cli._demo_live import running_script

WEB = "{'starlette', 'jinja2', 'uvicorn', 'sse_starlette'}"


@pytest.mark.parametrize(
    "code",
    [
        "import runlog",
        "import runlog.cli.dashboard",
        "from runlog.cli import cli; cli.main(['--help'], standalone_mode=False)",
        "import runlog.queries",
    ],
)
def test_nothing_else_imports_the_web(code):
    """runlog, its queries and its command line do without the packages of the dashboard."""
    code += f"; import sys; print('web:', sorted({WEB} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("web: []\n")


def test_it_says_where_it_is(database, tmp_path):
    """One line names the address; the token is not in it."""
    with serving(database, tmp_path, "--token", "hush-hush", "--timezone", "Europe/Rome") as served:
        assert served.url.startswith("http://127.0.0.1:")
        served.interrupt()
        assert served.process.wait(10) == 0
        assert served.process.stderr.read() == ""


@pytest.fixture
def month(database):
    """The month of the demo, written; what was written."""
    with psycopg.connect(database, autocommit=True) as connection:
        return _demo_month.write_month(connection, "public")


def test_the_month_is_what_a_month_is_like(month, database, connection):
    """Eight scripts, and of each state something: a crash, failures in a row, partial, costs."""
    runs, entries = month
    assert connection.execute("select count(*) from runs").fetchone() == (runs,)
    assert connection.execute("select count(*) from logs").fetchone() == (entries,)
    health = {script.script_name: script.state for script in queries.script_health(database)}
    assert len(health) == 8
    assert {"crashed", "error", "partial", "success"} <= set(health.values())
    states = {run.state for run in queries.last_runs(database, limit=10_000)}
    assert states == {"crashed", "error", "partial", "success"}
    (cost,) = connection.execute("select sum(api_cost) from runs").fetchone()
    assert cost > 1
    late = connection.execute("select count(*) from runs where finished_at > now()").fetchone()
    assert late == (0,)


def test_the_month_is_written_once(month, database):
    """A second demo finds the month, and writes nothing."""
    with psycopg.connect(database, autocommit=True) as connection:
        assert _demo_month.write_month(connection, "public") == (0, 0)


def test_the_month_goes_as_the_page_says(month, connection):
    """What the page of the command line tells takes all of it away."""
    connection.execute("delete from runs where metadata ->> 'demo' = 'month'")
    assert connection.execute("select count(*) from logs").fetchone() == (0,)


def test_one_script_runs_while_the_demo_is_looked_at(database, connection):
    """The demo's script is a real run that is there while the block lasts, and ends well."""

    def is_running():
        assert [run.script_name for run in queries.running_now(database)] == ["orders-sync"]

    with running_script(database, "public"):
        eventually(is_running, within=30)
    assert [run.state for run in queries.last_runs(database)] == ["success"]


@pytest.mark.parametrize("path", ["jobs", "/jobs", "/jobs/"])
def test_behind_a_proxy_under_a_path(database, tmp_path, path):
    """It says where it listens, which answers, and its links begin with the path of the proxy."""
    with serving(database, tmp_path, "--root-path", path) as served:
        with urllib.request.urlopen(f"{served.url}/runs", timeout=20) as answer:
            page = answer.read().decode()
        assert 'href="/jobs/errors"' in page
        assert 'href="/runs"' not in page
        served.interrupt()
        assert served.process.wait(10) == 0
