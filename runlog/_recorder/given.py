"""Which settings people may give, as types: for editors and type checkers, checked by nobody else.

What each means and how it is checked says ``_settings``; a test holds the two together. None is the
same as not given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import os
    import re
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date, datetime, timedelta
    from uuid import UUID


class OtherSettings(TypedDict, total=False):
    """Every setting but ``dsn`` and ``level``, which handlers and processors name themselves."""

    schema: str | None
    spool_dir: str | os.PathLike[str] | None
    spool_max_bytes: int | str | None
    max_entry_bytes: int | str | None
    flush_interval: float | None
    exit_timeout: float | None
    connect_timeout: float | None
    statement_timeout: float | None
    retry_interval: float | None
    retry_interval_max: float | None
    heartbeat_interval: float | None
    overlap_timeout: float | None
    retention_days: float | None
    default_step: str | None
    redact: bool | None
    redact_keys: Iterable[str] | None
    redact_patterns: Iterable[str | re.Pattern[str]] | None
    redact_callback: Callable[[str], str] | None
    github_summary: bool | None
    github_annotation: bool | None
    enabled: bool | None


class AllSettings(OtherSettings, total=False):
    """Every setting, as ``configure`` takes them."""

    dsn: str | None
    level: int | str | None


class InstallSettings(AllSettings, total=False):
    """Every setting, and the arguments of ``RunContext``, as ``install`` takes them."""

    triggered_by: str | None
    batch_id: UUID | str | None
    sync_mode: str | None
    sync_start_date: datetime | date | str | None
    sync_end_date: datetime | date | str | None
    overlap_window: timedelta | None
    cursor: str | None
    metadata: Mapping[str, Any] | None
    overlap: str
    lifecycle_logs: bool
    expects: Mapping[str, Any] | None
