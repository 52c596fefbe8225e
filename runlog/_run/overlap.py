"""Whether a run may begin while another of its script is alive: ``overlap``.

Decided by the database in one short transaction under a transaction's advisory lock, in which the
winner's row is written too: of two that begin in the same millisecond one wins, also behind a
transaction pooler. Runs on the caller's thread, which waits.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from runlog._database import statements
from runlog._database.asking import ask, rows
from runlog._entry.levels import WARNING
from runlog._entry.texts import repr_of
from runlog._process import clock, jitter, origin
from runlog._process.notices import say
from runlog._recorder import open_runs, registry
from runlog._run.cursor import to_be_asked
from runlog._spool import places
from runlog._spool.owner import owner_lives
from runlog.errors import OverlapError, SettingError, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from runlog._database.connection import WriteConnection
    from runlog._recorder.recorder import Recorder
    from runlog._recorder.run_state import RunState

Overlap = Literal["allow", "skip", "wait", "fail"]
_POLL_SECONDS = (0.5, 2.0)
"""Between these, at random: scripts that wait for the same one must not ask in step."""


class AliveRun(NamedTuple):
    """A run that stands in the way."""

    run_id: str
    started_at: datetime | None
    heartbeat_at: datetime
    host: str | None
    pid: str | None
    spool: str | None
    is_silent: bool

    def describe(self) -> str:
        """Return which run it is and when it was last heard of."""
        started = f", started {_shown(self.started_at)}" if self.started_at else ""
        place = f" on {self.host} (pid {self.pid})" if self.host else ""
        heard = _shown(self.heartbeat_at)
        return f"run {self.run_id}{place}{started} is alive, last heartbeat {heard}"

    def is_alive(self, spools: Path | None) -> bool:
        """Tell whether it stands in the way: by its spool's lock on this machine, else by its beat.

        A database that was away took no beat of a process that lives.
        """
        lives = owner_lives(spools, self.host, self.spool)
        return not self.is_silent if lives is None else lives


def _shown(moment: datetime) -> str:
    from datetime import UTC

    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def checked(overlap: str) -> Overlap:
    """Return ``overlap`` if it is one of the four.

    Raises:
        SettingError: it is not; a typo must not let two runs begin.
    """
    for known in get_args(Overlap):
        if issubclass(type(overlap), str) and str.__eq__(overlap, known):
            return known  # type: ignore[no-any-return] # one of the literal's own
    raise SettingError(
        f"overlap={repr_of(overlap)} is unknown; use allow, skip, wait or fail", name="overlap"
    )


def refuse_inside(script_name: str, installed: RunState | None) -> None:
    """Refuse to wait for, or give way to, the run inside of which this one begins.

    Raises:
        OverlapError: this process has a run of the same script open around here, or for all of it.
    """
    around = open_runs.run_variable.get()
    while around is not None:
        if around.script_name == script_name and around.id_text in open_runs.runs.open:
            break
        around = around.around
    around = around or installed
    if around is not None:
        remedy = "give overlap to the outer one, and none to this"
        if around.is_whole_process:
            remedy = f"call runlog.install({script_name!r}, overlap=…) and give none here"
        raise OverlapError(
            f"{script_name!r} does not start inside run {around.id_text} of the same name, in this "
            f"very process; {remedy}",
            script_name=script_name,
            run_id=around.id_text,
        )


def claims(claim: Claim, overlap: Overlap) -> Iterator[float]:
    """Return once the run's row is in the database; until then yield seconds to wait.

    Raises:
        Skipped: ``skip``, and another run is alive.
        OverlapError: ``fail``, or ``wait`` for longer than ``overlap_timeout``.
        DatabaseUnavailableError: the question got no answer.
        SchemaError: the tables are missing.
    """
    recorder = claim.recorder
    if recorder is None:
        if registry.configured().enabled:
            to_be_asked(None, claim.what)
        return
    if not recorder.has_database:
        return
    limit = recorder.settings.overlap_timeout
    until = None if limit is None else clock.monotonic() + limit
    told = None
    alive = claim.attempt(recorder)
    if alive is not None:
        # Its end may wait in a spool on this machine.
        recorder.catch_up()
        alive = claim.attempt(recorder)
    while alive is not None:
        is_late = until is not None and clock.monotonic() >= until
        if overlap == "skip":
            _note_skip(recorder, alive, claim.script_name)
        _give_up(alive, claim.script_name, overlap, is_hopeless=is_late)
        if told != alive.run_id:
            told = alive.run_id
            say(f"{claim.script_name!r} waits: {alive.describe()}")
        yield jitter.between(*_POLL_SECONDS)
        alive = claim.attempt(recorder)


def _note_skip(recorder: Recorder, alive: AliveRun, script_name: str) -> None:
    """Leave an entry in the run that is in the way: it tells what it made skip."""
    meta = {"host": origin.host(), "pid": os.getpid(), "by": origin.triggered_by(os.environ)}
    text = f"another start of {script_name!r} was skipped"
    recorder.record(alive.run_id, time.time(), WARNING, "WARNING", "SKIP", text, meta)


def _give_up(alive: AliveRun, script_name: str, overlap: Overlap, *, is_hopeless: bool) -> None:
    if overlap == "skip":
        message = f"{script_name!r} is skipped: {alive.describe()}"
        say(message)
        raise Skipped(message, script_name=script_name, run_id=alive.run_id)
    if overlap == "fail" or is_hopeless:
        raise OverlapError(
            f"{script_name!r} does not start: {alive.describe()}; wait for its end, or close it: "
            f"runlog close {alive.run_id}",
            script_name=script_name,
            run_id=alive.run_id,
        )


class Claim(NamedTuple):
    """A run that wants to be the only one of its script.

    Attributes:
        recorder: whose database; None when there is none.
        run_id: its id.
        script_name: its script.
        make_event: begins the run's time and returns the event that inserts its row.
    """

    recorder: Recorder | None
    run_id: str
    script_name: str
    make_event: Callable[[Recorder], dict[str, Any]]

    @property
    def what(self) -> str:
        """The question, for an error."""
        return f"whether another run of {self.script_name!r} is alive"

    def attempt(self, recorder: Recorder) -> AliveRun | None:
        """Write the run's row, or return the run that stands in the way."""
        settings = recorder.settings
        schema = settings.schema
        spools = places.root(settings.spool_dir, os.environ)
        key = {"key": f"runlog {schema} {self.script_name}"}
        names = {"id": self.run_id, "script_name": self.script_name}
        events: list[dict[str, Any]] = []

        def question(connection: WriteConnection) -> AliveRun | None:
            with connection.transaction():
                connection.execute(statements.statement("overlap/lock_script", schema), key)
                found: list[AliveRun] = rows(
                    connection, "overlap/alive_runs", schema, AliveRun, **names
                )
                alive = next((run for run in found if run.is_alive(spools)), None)
                if alive is None:
                    # Made under the lock: this run starts after the end of the one before it. Made
                    # once: when an answer was lost, the second insert changes nothing.
                    events[:] = events or [{**self.make_event(recorder), "is_live": True}]
                    connection.execute(
                        statements.statement("delivery/start_run", schema), events[0]
                    )
                return alive

        return ask(settings, self.what, question)
