"""What the shipper does now and then for the tables, once entries are delivered.

Closing runs of any host that fell silent, and, where the setting asks for it, deleting what is old.
Runs under the shipper's lock; every statement within its deadline.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from runlog._delivery.sweep import reap
from runlog._process import clock
from runlog._process.fork import without_fork
from runlog._process.notices import notices
from runlog._spool import places
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from runlog._database.session import Session
    from runlog._delivery.living_runs import LivingRuns
    from runlog._settings import Settings

_REAP_INTERVAL = 120.0
_PRUNE_INTERVAL = 3600.0
_PRUNE_NOT_BEFORE = 10.0
"""Seconds since the start: a short script must not end later because it tidied up."""
_PRUNE_SECONDS = 1.0


class Housekeeping:
    """Reaps at the start and every two minutes; prunes every hour, a second at a time."""

    def __init__(self, session: Session, runs: LivingRuns, settings: Settings) -> None:
        self._session = session
        self._runs = runs
        self._settings = settings
        self._next_reap = 0.0
        self._is_put_off = False
        self._next_prune = clock.monotonic() + _PRUNE_NOT_BEFORE

    def put_off(self) -> None:
        """Note that the database was away: those who live need a moment to say so."""
        self._is_put_off = True

    def do_what_is_due(self) -> None:
        """Reap and prune if it is time."""
        now = clock.monotonic()
        if self._is_put_off:
            self._is_put_off = False
            grace = self._settings.retry_interval_max + self._settings.statement_timeout
            self._next_reap = max(self._next_reap, now + grace)
        if now >= self._next_reap:
            self._next_reap = now + _REAP_INTERVAL
            self._reap()
        if self._settings.retention_days and now >= self._next_prune:
            self._next_prune = now + _PRUNE_INTERVAL
            self._prune()

    def _reap(self) -> None:
        # Each connection that the session gives out has its deadline anew.
        reap(
            self._session.connection(),
            self._settings.schema,
            self._runs.owned_ids(),
            before_each=self._session.connection,
            spools=places.root(self._settings.spool_dir, os.environ),
        )

    def _prune(self) -> None:
        with without_fork():
            from runlog.retention import prune
        try:
            done = prune(
                self._session.connection(),
                older_than=timedelta(days=self._settings.retention_days),
                schema=self._settings.schema,
                max_seconds=_PRUNE_SECONDS,
            )
        except RunlogError as error:
            # A role that may only write is the rule; delivery goes on without.
            notices.change("retention", str(error), f"nothing old was deleted: {error}")
            return
        if done.refusal:
            told = f"what is old was deleted, but {done.refusal}"
            notices.change("retention refused", done.refusal, told)
