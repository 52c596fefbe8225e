"""RunContext: one execution of a script, from its start to however it ends.

A run is a row that one may write on (``_recorder.run_state``), with a window that it syncs
(``window``), a journal that it keeps (``journal``) and an end that it comes to (``end``). Runs on
the caller's thread. Nothing here waits for the database and nothing raises because of runlog, but
for what asks the database: ``overlap``, ``since``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from runlog._process import clock
from runlog._process.ending import FINISHED, ending_of, failed
from runlog._recorder import open_runs
from runlog._recorder.open_runs import step
from runlog._run.column import Column, as_uuid, is_refused
from runlog._run.end import End
from runlog._run.use import Use
from runlog._run.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import date, datetime, timedelta
    from decimal import Decimal  # noqa: F401 - in the text of an annotation
    from types import TracebackType
    from uuid import UUID

    from runlog._recorder.facts import Facts
    from runlog._run.overlap import Overlap

    Moment = datetime | date | str


class RunContext(Verbs):
    """A run: a row in ``runs`` that is true however the script ends.

    Use it as ``with``, ``async with``, as a decorator of a function, or with ``start`` and
    ``finish``. Records logged inside, also in tasks and threads, are its entries. Attributes that
    are columns (``records_fetched`` … ``metadata``) may be set at any time and are stored with the
    heartbeat and at the end. What one cannot take is told on stderr and left out. Each use is a run
    of its own: used a second time, it is a second run with the settings of the first.

    Guarantees: no method raises because of runlog, its database or its disk, and none waits for
    the database, but for two questions: ``since``, and the start unless ``overlap`` is ``allow``.
    The exception that ends the block goes on unchanged.

    In a process with RUNLOG_RUN_ID the outermost run is a part of that run, not one of its own: it
    adds entries, counts and its window, and neither starts nor ends the row. So is one of the name
    that ``runlog.install`` has given to this process; if its block fails, the run has failed.

    Args:
        script_name: what ``runs.script_name`` says; keep it the same over all executions.
        triggered_by: default: detected (github-actions, cron, systemd, kubernetes, manual).
        batch_id: groups related runs; default: the enclosing run's, else RUNLOG_BATCH_ID, else
            the run's own id.
        sync_mode: full, incremental or auto, for syncs.
        sync_start_date: begin of the synced window; a datetime, a date or ISO 8601 text.
        sync_end_date: end of the synced window; default, for syncs that succeed: the moment the
            run started.
        overlap_window: how far ``since`` goes back before the last end.
        cursor: whose end ``since`` continues; scripts of one cursor share it. Default: the
            script's name.
        metadata: anything; becomes JSON.
        overlap: what to do when another run of this script is alive: ``allow``, ``skip`` this
            one (raises ``runlog.Skipped``, a SystemExit with code 0), ``wait`` for its end, or
            ``fail`` (raises ``OverlapError``).
        lifecycle_logs: write the START, END and ERROR entries.
        expects: what is expected of the script, for alerts: ``{"schedule": "0 2 * * *"}``.

    Raises:
        SettingError: ``overlap`` is none of the four, or ``expects`` cannot be used.
    """

    script_name = Column[str, str]()
    triggered_by = Column["str | None", "str | None"]()
    batch_id = Column["UUID | None", "UUID | str | None"](as_uuid)
    records_fetched = Column["int | None", "int | None"]()
    records_inserted = Column["int | None", "int | None"]()
    records_updated = Column["int | None", "int | None"]()
    records_failed = Column["int | None", "int | None"]()
    calls_analyzed = Column["int | None", "int | None"]()
    api_cost = Column["Decimal | None", "Decimal | float | str | None"]()
    sync_mode = Column["str | None", "str | None"]()
    sync_start_date = Column["datetime | None", "Moment | None"]()
    sync_end_date = Column["datetime | None", "Moment | None"]()

    def __init__(
        self,
        script_name: str,
        *,
        triggered_by: str | None = None,
        batch_id: UUID | str | None = None,
        sync_mode: str | None = None,
        sync_start_date: Moment | None = None,
        sync_end_date: Moment | None = None,
        overlap_window: timedelta | None = None,
        cursor: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        overlap: Overlap = "allow",
        lifecycle_logs: bool = True,
        expects: Mapping[str, Any] | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name in Use.SETTINGS}
        super().__init__(Use(given))

    @property
    def id(self) -> UUID:
        """The run's id, known before the row is there."""
        return as_uuid(self._state.id_text)

    @property
    def started_at(self) -> datetime:
        """When the run began, in UTC."""
        return self._state.started_at

    @property
    def since(self) -> datetime | None:
        """Where this sync begins: where the script's last success ended, less ``overlap_window``.

        In UTC; None when nothing was synced yet. Backfills and failed runs do not count, a
        checkpoint does. The database is asked at the first use and waited for; the answer then
        stays. It becomes ``sync_start_date``, unless that has a value.

        Raises:
            DatabaseUnavailableError: the database does not answer, none is named, or runlog is
                switched off: None would mean "from the beginning".
            SchemaError: the tables are missing.
        """
        return self._use.window.since()

    @property
    def metadata(self) -> Facts:
        """What becomes ``runs.metadata``: put in whatever JSON can tell, or assign a dict.

        A value is taken when it is put in; what is put into a list or dict inside it later is
        stored when the run ends.
        """
        return self._state.metadata

    @metadata.setter
    def metadata(self, facts: Mapping[str, Any]) -> None:
        self._state.put_metadata(facts)

    def step(self, name: str) -> AbstractContextManager[None]:
        """Give entries logged in ``with run.step("FETCH"):`` that step, unless they name one."""
        return step(name)

    def start(self) -> Self:
        """Begin the run; ``with`` and the decorator do it for you.

        A run that is begun here and never finished ends as the process does. One that is open
        already stays as it is.

        Raises:
            Skipped: with ``overlap="skip"``, another run of this script is alive.
            OverlapError: with ``overlap="fail"``, another run of this script is alive; or this
                one stands inside a run of its own script, for which it would wait for ever.
            DatabaseUnavailableError: whether one is alive could not be asked.
        """
        run = self._next_use()
        return run._begin() if run is self else self  # noqa: SLF001 - of this class

    def finish(self, error: BaseException | None = None) -> None:
        """End the run: as a success, or as what ``error`` says. The first call counts."""
        self._use.leave(ending_of(error) if error is not None else FINISHED)

    def fail(self, message: str | BaseException) -> None:
        """End the run as failed, without raising anything; the script goes on.

        The first end counts: whatever becomes of the block afterwards, the run has failed.

        Args:
            message: becomes ``error_message``.
        """
        if issubclass(type(message), BaseException):
            self._use.fail(ending_of(message))  # type: ignore[arg-type] # as just asked
        else:
            self._use.fail(failed(message))

    def _begin(self, *, is_block: bool = False) -> Self:
        try:
            for pause in self._use.begin(self, is_block=is_block):
                clock.sleep(pause)
            return self  # noqa: TRY300 - until it is returned
        except BaseException as error:
            self._use.take_back(error)
            raise

    def __enter__(self) -> Self:
        """Start the run."""
        return self._next_block()._begin(is_block=True)  # noqa: SLF001 - of this class

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run as ``error`` says; the exception goes on."""
        self._left_block()._use.leave(ending_of(error))  # noqa: SLF001 - of this class

    async def __aenter__(self) -> Self:
        """Start the run; other tasks go on while this one waits for another run's end."""
        import asyncio

        run = self._next_block()
        use = run._use  # noqa: SLF001 - of this class
        try:
            for pause in use.begin(run, is_block=True):
                await asyncio.sleep(pause)
            return run  # noqa: TRY300 - until it is returned
        except BaseException as error:
            use.take_back(error)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run as ``error`` says; the exception goes on."""
        self.__exit__(kind, error, traceback)

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if name.startswith("_") or not is_refused(self, name, value):
                super().__setattr__(name, value)


def current_run() -> RunContext | None:
    """Return the run that a record logged here would belong to, None outside of any."""
    state = open_runs.current()
    end = state.holder if state is not None else None
    return end.context if isinstance(end, End) else None
