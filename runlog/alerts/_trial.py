"""A message that nobody has to act on: whether the channels take one, and what it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from runlog import queries
from runlog.alerts._facts import Facts
from runlog.alerts._message import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runlog.alerts._channels import Channel
    from runlog.alerts._config import Config
    from runlog.alerts._sender import Outcome


@dataclass(frozen=True, slots=True)
class Trial:
    """What a channel said of a test message."""

    channel: str
    outcome: Outcome


def try_channels(
    source: Any,
    config: Config,
    channels: list[Channel],
    *,
    script: str | None,
    redact: Callable[[str], str],
) -> Iterator[Trial]:
    """Send a test message to each channel, with the newest run of a script, if there is one."""
    now = datetime.now(UTC)
    writer = Writer({}, config.dashboard_url, redact, now)
    for channel in channels:
        message = writer.message(
            uuid4(), "test", [_facts(source, script, now)], attempt=1, is_repeated=False
        )
        yield Trial(channel.name, channel.send(message))


def _facts(source: Any, script: str | None, now: datetime) -> Facts:
    runs = queries.last_runs(source, limit=1, script=script) if source is not None else []
    known: dict[str, Any] = {}
    if runs:
        run = runs[0]
        known = {
            "run_id": run.id,
            "started_at": run.started_at,
            "status": run.status,
            "duration_ms": run.duration_ms,
            "triggered_by": run.triggered_by,
            "records_fetched": run.records_fetched,
            "records_failed": run.records_failed,
        }
    text = f"This is a test of the alerts of runlog; {script or 'nothing'} needs no attention"
    return Facts(
        id=uuid4(),
        script_name=script or (runs[0].script_name if runs else "runlog"),
        rule="asked",
        subject="test",
        severity="info",
        began_at=now - timedelta(minutes=1),
        opened_at=now,
        read_at=now,
        is_flapping=False,
        details={"text": text},
        **known,
    )
