"""The dashboard as tests ask it: `client` over the test's database, and rows of every kind."""

import contextlib

import pytest
from kit import html_corpus
from kit.browser import serving
from kit.postgres import new_database
from kit.rows import add_all_states, add_entry, add_run, ago
from starlette.testclient import TestClient
from web.data import KINDS

from runlog.dashboard import create_app

PATHS = (
    "/",
    "/runs?period=all&days=1",
    "/errors?period=30d",
    "/logs?period=30d",
    "/analytics?period=90d",
    "/alerts",
    "/help",
)
"""The pages that need no name."""


@pytest.fixture
def client(database):
    """Ask a dashboard over the test's database; trouble in it is a test's failure."""
    with TestClient(create_app(database), base_url="http://127.0.0.1") as asking:
        asking.headers["accept"] = "text/html"
        yield asking


@pytest.fixture
def pages(client):
    """Return every page that leads somewhere now: those above, each script, run, error and line."""

    def found():
        paths = list(PATHS)
        names = [row["script_name"] for row in client.get("/overview.json").json()["scripts"]]
        paths += [client.get("/search", params={"q": name}).url.raw_path for name in names]
        for run in client.get("/runs.json?period=all").json()["runs"]:
            paths += [f"/runs/{run['id']}", f"/runs/{run['id']}/compare"]
            if client.get(f"/runs/{run['id']}.json").json()["lines"]:
                paths.append(f"/runs/{run['id']}/lines/1")
        kinds = client.get("/errors.json?period=30d").json()["errors"]
        paths += [f"/errors/{kind['fingerprint']}?period=30d" for kind in kinds]
        return [path.decode() if isinstance(path, bytes) else path for path in paths]

    return found


@pytest.fixture
def some_runs(connection):
    """A run of each state with entries of each level; returns their ids by state."""
    made = add_all_states(connection)
    for state, run_id in made.items():
        for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
            add_entry(
                connection,
                run_id,
                f"{level.lower()} of {state}",
                level=level,
                step="UPSERT",
                timestamp=ago(seconds=50),
                meta={"item_id": 7, "stack": "Traceback …"} if state != "crashed" else {"n": 1},
            )
    return made


@pytest.fixture
def hostile_runs(connection):
    """A run with each text of the corpus in every column that holds one; returns their ids."""
    made = []
    for number, text in enumerate(html_corpus.TEXTS):
        run_id = add_run(
            connection,
            f"{text}{number}",
            status="error",
            triggered_by=text,
            error_message=text,
            sync_mode=text,
            metadata={text: text, "list": [text]},
            runlog={"host": text, "git_commit": text, "argv": [text], "github": {"url": text}},
            started_at=ago(minutes=number),
        )
        add_entry(
            connection, run_id, text, level="ERROR", step=text, meta={text: text, "stack": text}
        )
        made.append(run_id)
    return made


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory, browser):
    """Return the address of a dashboard over a database of that kind; each is made once."""
    with contextlib.ExitStack() as stack:
        made = {}

        def address(kind):
            if kind not in made:
                dsn = stack.enter_context(new_database(postgres))
                KINDS[kind](dsn)
                spool = tmp_path_factory.mktemp("spool")
                made[kind] = stack.enter_context(serving(dsn, spool)).url
            return made[kind]

        yield address
