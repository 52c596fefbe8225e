"""The eight scripts of the invented month: what they do, how often, and how they fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

_HALF_HOUR, _HOUR, _DAY = timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its share of the time, how many lines it logs, and which."""

    name: str
    share: float
    lines: int
    message: str
    warning: str = "slow answer, trying again"


@dataclass(frozen=True, slots=True)
class Fate:
    """How a run ends.

    Attributes:
        length: how long it takes, against what is usual.
        share: how many records it fetches, against what is usual.
        failures: whether some records fail.
    """

    status: str
    outcome: str
    length: float = 1.0
    share: float = 1.0
    failures: bool = False

    def message_of(self, script: Script) -> str | None:
        """Return the error message of the row."""
        if self.outcome == "died":
            return "the process died without ending the run; it was last alive in its last step"
        return ": ".join(script.error) if self.status == "error" else None


FATES: Final = {
    "fine": Fate("success", "finished"),
    "partial": Fate("success", "finished", failures=True),
    "failed": Fate("error", "failed", length=0.4, share=0.3),
    "crashed": Fate("error", "died", length=0.7, share=0.6),
    "few": Fate("success", "finished", length=0.3, share=0.06),
}


@dataclass(frozen=True, slots=True, order=True)
class Script:
    """One script.

    Attributes:
        failing: the share of its runs that fail; ``partial``: in which some records do.
        growth: how much longer it takes at the end of the month, as a share.
        bad_hours: it fails since so many hours.
        last_fate: how its last run ends, instead of by chance.
    """

    name: str
    every: timedelta
    seconds: float
    records: int
    steps: tuple[Step, ...] = field(compare=False)
    error: tuple[str, str] = field(compare=False)
    minute: int = 0
    hour: int = 2
    calls: int = 0
    failing: float = 0.02
    partial: float = 0.03
    growth: float = 0.0
    bad_hours: float = 0.0
    last_fate: str = ""
    mode: str = "incremental"
    triggered_by: str = "cron"
    item: str = "contact"
    parameters: dict[str, Any] = field(default_factory=dict, compare=False)

    def stack(self) -> str:
        """Return a traceback of its error."""
        kind, text = self.error
        file = self.name.replace("-", "_")
        return (
            "Traceback (most recent call last):\n"
            f'  File "/srv/jobs/{file}.py", line 88, in <module>\n    main()\n'
            f'  File "/srv/jobs/{file}.py", line 61, in main\n    for page in pages(since):\n'
            f'  File "/srv/jobs/{file}.py", line 34, in pages\n    answer.raise_for_status()\n'
            f"{kind}: {text}"
        )


def _sync(item: str, pages: int) -> tuple[Step, ...]:
    return (
        Step("FETCH", 5, pages, f"fetched page {{n}} of {{of}}, {{count}} {item}s so far"),
        Step(
            "TRANSFORM",
            1,
            3,
            f"normalised {{count}} {item}s",
            "a field is empty, took the old value",
        ),
        Step("UPSERT", 4, pages, f"upserted {{count}} {item}s", "deadlock, batch sent again"),
    )


SCRIPTS: Final = (
    Script(
        "hubspot-contacts", _HALF_HOUR, 38, 2400, _sync("contact", 9),
        ("HTTPError", "429 Too Many Requests for url: https://api.example.com/crm/v3/contacts"),
        minute=4, partial=0.08, last_fate="partial", parameters={"portal": "eu-1", "size": 100},
    ),
    Script(
        "hubspot-deals", _HOUR, 21, 640, _sync("deal", 5),
        ("KeyError", "'closedate'"), minute=12, item="deal", parameters={"portal": "eu-1"},
    ),
    Script(
        "fx-rates", _HOUR, 3.4, 168, _sync("rate", 2),
        ("HTTPError", "503 Service Unavailable for url: https://rates.example.com/latest"),
        minute=1, failing=0.03, bad_hours=3.5, item="rate", triggered_by="github-actions",
    ),
    Script(
        "orders-sync", _HALF_HOUR, 44, 900, _sync("order", 8),
        ("OperationalError", "could not connect to server: Connection timed out"),
        minute=18, failing=0.04, item="order", parameters={"shop": "eu-1", "dry_run": False},
    ),
    Script(
        "call-analysis", timedelta(hours=4), 320, 0,
        (
            Step("LOAD", 1, 4, "loaded {n} of {of} batches of calls"),
            Step("ANALYZE", 12, 60, "analysed call {n} of {of}", "answered twice, took the first"),
            Step("STORE", 1, 4, "stored {n} of {of} batches"),
        ),
        ("RateLimitError", "tokens per minute exceeded, retry after 41 s"),
        minute=30, calls=55, failing=0.05, partial=0, item="call", mode="auto",
        triggered_by="kubernetes",
        parameters={"model": "small", "language": "en"},
    ),
    Script(
        "stock-sync", _DAY, 540, 18_000, _sync("article", 240),
        ("TimeoutError", "the warehouse did not answer within 30 s"),
        hour=5, minute=40, last_fate="crashed", mode="full", item="article",
    ),
    Script(
        "nightly-backup", _DAY, 900, 42, (
            Step("DUMP", 8, 42, "dumped table {n} of {of}"),
            Step("UPLOAD", 5, 20, "uploaded part {n} of {of}", "upload was slow, part sent again"),
            Step("VERIFY", 2, 6, "checksum {n} of {of} is right"),
        ),
        ("OSError", "[Errno 28] No space left on device"),
        minute=0, failing=0.03, partial=0, growth=0.9, mode="full", item="table",
    ),
    Script(
        "invoice-export", _HOUR, 12, 130, _sync("invoice", 3),
        ("PermissionError", "[Errno 13] Permission denied: '/mnt/erp/inbox'"),
        minute=47, partial=0.01, last_fate="few", item="invoice", triggered_by="systemd",
    ),
)  # fmt: skip
"""Twenty-four hours of them are about 200 runs."""
