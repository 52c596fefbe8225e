"""Hosts with processes and contexts of their own: notebooks, gunicorn, Celery, Django."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from kit.recording import stored
from kit.waiting import eventually


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed")


@needs("IPython")
def test_cells_of_a_notebook_log_into_its_run(run_script, database, connection):
    """A run that one cell starts is the run of the next cells, until one ends it."""
    script = run_script(
        """
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    for cell in (
        "import logging, runlog",
        "logging.basicConfig(level='INFO', handlers=[runlog.RunLogHandler()], force=True)",
        "run = runlog.RunContext('notebook', lifecycle_logs=False).start()",
        "logging.info('in a cell')",
        "import asyncio\\nawait asyncio.sleep(0)\\nlogging.info('in an async cell')",
        "1/0",
        "run.finish()",
    ):
        shell.run_cell(cell)
    """,
        env={"RUNLOG_DSN": database, "IPYTHONDIR": "ipython"},
    )
    assert script.exit_code == 0, script.stderr
    assert [row[2] for row in stored(connection)] == ["in a cell", "in an async cell"]
    assert connection.execute("select status from runs").fetchall() == [("success",)]


@needs("ipykernel")
def test_a_real_kernel_logs_and_delivers_while_it_lives(run_script, database, connection, tmp_path):
    """In a Jupyter kernel, whose cells have contexts of their own, entries appear at once."""
    client = pytest.importorskip("jupyter_client")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RUNLOG_DSN": database,
               "PYTHONPATH": str(Path(__file__).parents[2]), "JUPYTER_PLATFORM_DIRS": "1",
               "RUNLOG_SPOOL_DIR": str(tmp_path / "spool")}  # fmt: skip
    manager = client.KernelManager(kernel_name="python3")
    manager.start_kernel(env=environ)
    kernel = manager.client()
    try:
        kernel.start_channels()
        kernel.wait_for_ready(timeout=60)
        for cell in (
            "import logging, runlog",
            "run = runlog.install('notebook', lifecycle_logs=False)",
            "logging.getLogger('app').info('first')",
            "logging.getLogger('app').info('second')",
        ):
            reply = kernel.execute_interactive(cell, timeout=60, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok"

        def are_there():
            assert [row[2] for row in stored(connection)] == ["first", "second"]

        eventually(are_there)
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel()


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


@pytest.fixture
def start_module(tmp_path, database, own_environment):
    """Start ``python -m module args`` beside the files of the test; killed at the end."""
    started = []

    def start(*arguments, **env):
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RUNLOG_DSN": database,
                   "PYTHONPATH": f"{Path(__file__).parents[2]}:{tmp_path}", **env,
                   "RUNLOG_SPOOL_DIR": str(own_environment)}  # fmt: skip
        with (tmp_path / "output").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *map(str, arguments)],
                cwd=tmp_path, env=environ, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def output_of(tmp_path):
    return (tmp_path / "output").read_text(errors="replace")


GUNICORN = """
import logging, os
import runlog
logging.basicConfig(level="INFO", handlers=[runlog.RunLogHandler()])
log = logging.getLogger("app")
log.info("loaded outside of any run")

@runlog.RunContext("request", lifecycle_logs=False)
def work(path):
    log.info("handled %s", path, extra={"worker": os.getpid()})

def application(environ, start_response):
    work(environ["PATH_INFO"])
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


@needs("gunicorn")
@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["plain", "preload"])
def test_workers_of_gunicorn_deliver(start_module, connection, tmp_path, preload):
    """Each of two forked workers ships its own entries, with the application loaded before or after."""
    (tmp_path / "wsgi.py").write_text(GUNICORN)
    process = start_module("gunicorn", "wsgi:application", "-w", "2", "-b", "127.0.0.1:0",
                           "--no-control-socket", *preload)  # fmt: skip

    def address():
        text = output_of(tmp_path)
        assert process.poll() is None, text
        assert "Listening at: " in text, text
        return text.partition("Listening at: ")[2].split()[0]

    url = eventually(address, within=30)
    workers = {get(f"{url}/{number}") for number in range(40)}
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, output_of(tmp_path)
    expected = {("request", f"handled /{number}") for number in range(40)}

    def are_all_there():
        rows = connection.execute(
            "select script_name, message, meta->>'worker', status from logs"
            " join runs on runs.id = run_id"
        ).fetchall()
        assert {row[:2] for row in rows} == expected
        assert {row[2] for row in rows} == workers
        assert {row[3] for row in rows} == {"success"}
        assert len(rows) == 40

    eventually(are_all_there)


CELERY = """
import logging
import celery, celery.signals
import runlog

app = celery.Celery("jobs", broker="filesystem://", backend="file://results")
app.conf.broker_transport_options = {
    "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control",
}
app.conf.worker_hijack_root_logger = {hijack}

@celery.signals.after_setup_logger.connect
def add_handler(logger, **_):
    logger.addHandler(runlog.RunLogHandler())

@app.task
def add(x, y):
    with runlog.RunContext("jobs.add", lifecycle_logs=False) as run:
        logging.getLogger("app").info("adding %d", x)
        run.count(fetched=1)
        return x + y
"""


@needs("celery")
@pytest.mark.parametrize("pool", ["prefork", "solo", "threads"])
def test_tasks_of_celery_are_runs(start_module, connection, tmp_path, pool):
    """With every pool of Celery each task is a run with its entries, stored once."""
    for folder in ("queue", "control", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "jobs.py").write_text(CELERY.replace("{hijack}", "True"))
    (tmp_path / "send.py").write_text("import jobs\n[jobs.add.delay(n, n) for n in range(10)]\n")
    assert start_module("send").wait(60) == 0, output_of(tmp_path)
    worker = start_module("celery", "-A", "jobs", "worker", "-c", "2", "-P", pool, "-l", "INFO",
                          "--without-gossip", "--without-mingle", C_FORCE_ROOT="1")  # fmt: skip

    def are_all_there():
        assert worker.poll() is None, output_of(tmp_path)
        rows = connection.execute(
            "select message, status, records_fetched from logs join runs on runs.id = run_id"
            " where meta->>'logger' = 'app' order by message"
        ).fetchall()
        assert rows == [(f"adding {number}", "success", 1) for number in range(10)]

    eventually(are_all_there, within=60)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, output_of(tmp_path)


DJANGO = """
import logging, sys, types
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
import runlog

log = logging.getLogger("app")

def view(request):
    with runlog.RunContext("view", lifecycle_logs=False):
        log.info("in a view", extra={"request": request})
        logging.getLogger("django.request").error("from Django", extra={"status_code": 500})
    return HttpResponse("ok")

urlpatterns = [path("", view)]
settings.configure(
    SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DEBUG=True,
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"runlog": {"class": "runlog.RunLogHandler"}},
        "root": {"handlers": ["runlog"], "level": "INFO"},
        "loggers": {"django": {"handlers": ["runlog"], "level": "INFO"}},
    },
)
django.setup()

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.test import Client

class Sync(BaseCommand):
    @runlog.RunContext("sync", lifecycle_logs=False)
    def handle(self, *args, **options):
        log.info("in a command")

assert Client().get("/").content == b"ok"
call_command(Sync())
"""


@needs("django")
def test_views_and_commands_of_django_are_runs(run_script, database, connection):
    """LOGGING in the settings is enough; a request in `extra` becomes readable meta."""
    script = run_script(DJANGO, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    rows = stored(connection)
    assert [(level, message) for level, _, message, _ in rows] == [
        ("INFO", "in a view"),
        ("ERROR", "from Django"),
        ("INFO", "in a command"),
    ]
    assert "GET '/'" in str(rows[0][3]["request"])
    assert rows[1][3] == {"status_code": 500, "logger": "django.request"}
