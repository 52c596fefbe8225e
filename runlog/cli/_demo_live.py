"""A script that runs while the demo's dashboard is looked at: runs that are real, and grow."""

from __future__ import annotations

import logging
import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import runlog

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = "orders-sync"
_PAGES = 60
_PAUSE_SECONDS = 1.2


@contextmanager
def running_script(address: str, schema: str) -> Iterator[None]:
    """Let ``orders-sync`` run over and over until the block ends."""
    log = logging.getLogger("runlog_demo")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    handler = runlog.RunLogHandler(address, schema=schema)
    log.addHandler(handler)
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(log, stop), name="runlog-demo", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)
        log.removeHandler(handler)
        handler.close()


def _run(log: logging.Logger, stop: threading.Event) -> None:
    dice = random.Random()  # noqa: S311 - nothing is secret here
    while not stop.is_set():
        with runlog.RunContext(_SCRIPT, sync_mode="incremental", metadata={"shop": "eu-1"}) as run:
            _sync(run, log, stop, dice)
        stop.wait(4 * _PAUSE_SECONDS)


def _sync(
    run: runlog.RunContext, log: logging.Logger, stop: threading.Event, dice: random.Random
) -> None:
    for page in range(1, _PAGES + 1):
        if stop.wait(_PAUSE_SECONDS * dice.uniform(0.4, 1.6)):
            return
        count = dice.randint(8, 24)
        step = "FETCH" if page <= _PAGES // 2 else "UPSERT"
        with run.step(step):
            told = "fetched" if step == "FETCH" else "upserted"
            log.info("%s page %d of %d", told, page, _PAGES, extra={"meta": {"count": count}})
            if dice.random() < 0.06:  # noqa: PLR2004 - now and then
                log.warning("slow answer, trying again", extra={"meta": {"page": page}})
        if step == "FETCH":
            run.count(fetched=count)
        else:
            run.count(inserted=count // 6, updated=count - count // 6)
