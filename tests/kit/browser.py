"""A real browser, and dashboards in processes of their own for it to look at.

`browser` is headless Chromium, Debian's package or the one that `RUNLOG_TEST_CHROMIUM` names,
driven by Playwright; without it the tests skip with a word. `watched` opens a page that notes what
must not happen: a request to elsewhere, a refusal of the content policy, a script out of data.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from kit.scripts import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_MS = 15_000
CHROMIUM = os.environ.get("RUNLOG_TEST_CHROMIUM") or shutil.which("chromium")


@dataclass
class Served:
    """A dashboard in a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def serving(dsn: str, folder: Path, *arguments: str) -> Iterator[Served]:
    """Serve a dashboard over a database until the block ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNLOG_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "runlog", "dashboard", "--port", "0", *arguments],
        env={
            **kept,
            "RUNLOG_DSN": dsn,
            "RUNLOG_SPOOL_DIR": str(folder),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        },
        stderr=subprocess.PIPE,
        text=True,
        # Not the one that the terminal interrupts.
        start_new_session=True,
    )
    try:
        said = process.stderr.readline()
        found = re.search(r"at (http://\S+)/", said)
        assert found, said + process.stderr.read()
        yield Served(process, found[1])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@dataclass
class Watched:
    """A page, and what happened on it that must not.

    Attributes:
        wrong: requests to elsewhere, refusals of the content policy, errors of scripts.
    """

    page: Any
    url: str
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Open a page of the dashboard; return the answer."""
        return self.page.goto(self.url + path, wait_until="load")

    def check(self) -> None:
        """Nothing that must not happen has happened."""
        if (number := self.page.evaluate("window.ran")) is not None:
            self.wrong.append(f"a script out of data ran: {number}")
        assert self.wrong == [], f"{self.page.url}: {self.wrong}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("there is no chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@contextlib.contextmanager
def watching(browser: Any, url: str, **options: Any) -> Iterator[Watched]:
    """Open a page in a context of its own, in which the texts of the corpus find their `xss`."""
    options.setdefault("viewport", {"width": 1280, "height": 800})
    context = browser.new_context(timezone_id="Europe/Rome", **options)
    context.add_cookies([{"name": "runlog_tz", "value": "Europe/Rome", "url": url}])
    context.add_init_script("window.xss = (number) => { window.ran = number; };")
    context.set_default_timeout(_PATIENCE_MS)
    watched = Watched(context.new_page(), url)

    def note_request(request: Any) -> None:
        if not request.url.startswith((url + "/", "data:")):
            watched.wrong.append(f"request to {request.url}")

    def note_word(message: Any) -> None:
        # A page that is refused on purpose is no fault of the browser's.
        if message.type == "error" and "Failed to load resource" not in message.text:
            watched.wrong.append(message.text)

    watched.page.on("request", note_request)
    watched.page.on("console", note_word)
    watched.page.on("pageerror", lambda error: watched.wrong.append(str(error)))
    watched.page.on("dialog", lambda dialog: watched.wrong.append(f"dialog {dialog.message}"))
    try:
        yield watched
    finally:
        context.close()
