"""What a message knows of an incident: the incident, its run, and what is usual for its script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One incident as ``sql/alerts/facts.sql`` tells it.

    Attributes:
        read_at: the moment at which it stands so.
        good_at: when the first success after its run ended, whenever its record came.
    """

    id: UUID
    script_name: str
    rule: str
    subject: str
    severity: str
    began_at: datetime
    opened_at: datetime
    read_at: datetime
    resolved_at: datetime | None = None
    resolution: str | None = None
    is_flapping: bool
    details: dict[str, Any]
    run_id: UUID | None = None
    started_at: datetime | None = None
    status: str | None = None
    duration_ms: int | None = None
    triggered_by: str | None = None
    records_fetched: int | None = None
    records_inserted: int | None = None
    records_updated: int | None = None
    records_failed: int | None = None
    host: str | None = None
    commit: str | None = None
    github_url: str | None = None
    last_success_at: datetime | None = None
    good_at: datetime | None = None
    usual_seconds: Decimal | None = None
    usual_fetched: Decimal | None = None

    def document(self) -> dict[str, Any]:
        """Return the incident for programs, as schema ``runlog.alert/1`` has it."""
        records = {
            name: value
            for name in ("fetched", "inserted", "updated", "failed")
            if (value := getattr(self, f"records_{name}")) is not None
        }
        run = {
            "id": self.run_id,
            "started_at": self.started_at,
            "status": self.status,
            "seconds": None if self.duration_ms is None else self.duration_ms / 1000,
            "records": records,
            "github_url": self.github_url,
            "host": self.host,
            "commit": self.commit,
        }
        return {
            "id": self.id,
            "script": self.script_name,
            "rule": self.rule,
            "subject": self.subject,
            "severity": self.severity,
            "state": "open" if self.resolved_at is None else "resolved",
            "began_at": self.began_at,
            "opened_at": self.opened_at,
            "resolved_at": self.resolved_at,
            "resolution": self.resolution,
            "flapping": self.is_flapping,
            "details": self.details,
            "usual": {"seconds": self.usual_seconds, "fetched": self.usual_fetched},
            "run": run if self.run_id else None,
            "last_success_at": self.last_success_at,
        }
