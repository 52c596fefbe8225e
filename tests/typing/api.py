"""The public API as a user writes it: checked by `mypy --strict`, never run."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_type
from uuid import UUID

import structlog

import runlog
from runlog.testing import Capture, CapturedRun, Database, Entry, capture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def configured() -> None:
    runlog.configure(dsn="postgresql://localhost/db", flush_interval=2, redact_keys=["iban"])
    handler: logging.Handler = runlog.RunLogHandler(level="INFO", spool_dir="spool")
    logging.basicConfig(handlers=[handler, runlog.RunLogHandler("host=localhost")])
    assert_type(runlog.flush(), bool)
    assert_type(runlog.flush(2.5), bool)


def mistakes_are_found() -> None:
    runlog.configure(flush_intervall=1)  # type: ignore[call-arg]
    runlog.configure(flush_interval="often")  # type: ignore[arg-type]
    runlog.install("job", flush_intervall=1)  # type: ignore[call-arg]
    runlog.RunLogHandler(flush_intervall=1)  # type: ignore[call-arg]
    runlog.RunLogProcessor(flush_intervall=1)  # type: ignore[call-arg]
    with runlog.RunContext("sync") as run:
        run.no_such = 1  # type: ignore[attr-defined]
        run.count(fetchd=1)  # type: ignore[call-arg]
        run.records_fetched = "7"  # type: ignore[assignment]


def structured() -> None:
    processor = runlog.RunLogProcessor(level=logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            processor,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ]
    )
    event: dict[str, Any] = {"event": "x"}
    assert_type(processor(None, "info", event), dict[str, Any])


def with_a_run() -> None:
    with runlog.RunContext(
        "hubspot-sync",
        triggered_by="cron",
        sync_mode="incremental",
        overlap_window=timedelta(hours=1),
        metadata={"field_count": 35},
        overlap="skip",
    ) as run:
        assert_type(run, runlog.RunContext)
        assert_type(run.id, UUID)
        assert_type(run.since, datetime | None)
        with run.step("FETCH"), runlog.step("DETAIL"):
            run.count(fetched=150, inserted=10, updated=140, api_cost=Decimal("0.1"))
        run.records_failed = 2
        run.api_cost = 0.2
        run.api_cost = "0.0210"
        assert_type(run.api_cost, Decimal | None)
        assert_type(run.records_fetched, int | None)
        run.sync_end_date = "2026-01-31"
        run.sync_end_date = date(2026, 1, 31)
        assert_type(run.sync_end_date, datetime | None)
        run.batch_id = str(run.id)
        assert_type(run.batch_id, UUID | None)
        assert_type(run.started_at, datetime)
        run.metadata = {"a": 1}
        run.info("FETCH", "Found 150", count=150)
        run.error("Found nothing")
        run.checkpoint("2026-01-31T00:00:00Z")
        run.fail("12 % of the records failed")
        run.metadata["pages"] = [1, 2]
    assert_type(runlog.current_run(), runlog.RunContext | None)


async def with_a_run_in_a_task() -> None:
    async with runlog.RunContext("sync") as run:
        assert_type(run, runlog.RunContext)


@runlog.RunContext("sync")
def decorated(count: int, *, name: str = "") -> list[str]:
    return [name] * count


@runlog.RunContext("sync")
async def decorated_coroutine(count: int) -> str:
    return "x" * count


@runlog.RunContext("sync")
def decorated_generator() -> Iterator[int]:
    yield 1


@runlog.RunContext("sync")
async def decorated_async_generator() -> AsyncIterator[int]:
    yield 1


async def decorators_keep_types() -> None:
    assert_type(decorated(2, name="x"), list[str])
    assert_type(await decorated_coroutine(2), str)
    assert_type(list(decorated_generator()), list[int])
    assert_type([item async for item in decorated_async_generator()], list[int])


def whole_process() -> None:
    run = runlog.install("sync", dsn="postgresql://localhost/db")
    assert_type(run, runlog.RunContext)
    assert_type(run.start(), runlog.RunContext)
    run.finish(ValueError("broken"))
    runlog.install("sync", level="INFO", sync_mode="full", cursor="deals", redact_keys=["iban"])
    assert_type(runlog.__version__, str)


def asked() -> None:
    found = runlog.last_success("sync")
    if found is not None:
        assert_type(found.sync_end_date, datetime | None)


def errors_are_classes() -> None:
    try:
        runlog.configure(unknown=1)  # type: ignore[call-arg]
    except runlog.errors.SettingError as error:
        assert_type(error.name, str)
    except runlog.errors.RunlogError:
        raise


def tested(runlog_capture: Capture, runlog_database: Database) -> None:
    assert_type(runlog_capture.runs, list[CapturedRun])
    assert_type(runlog_capture.entries, list[Entry])
    assert_type(runlog_capture.run.api_cost, Decimal | None)
    assert_type(runlog_capture.unbound, int)
    with capture(level="DEBUG") as captured:
        assert_type(captured, Capture)
    runlog_database.connection.execute("select 1")
    assert_type(runlog_database.dsn, str)
