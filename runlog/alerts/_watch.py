"""A watcher's process: connects, looks, delivers, gives a sign of life; again, or once.

Not here: what a look is (``_look``). When the database cannot be reached a watcher says so to its
own channels, once, since nobody can read that anywhere. Runs in the main thread and waits.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from runlog._database import driver
from runlog.alerts._look import Look, look
from runlog.alerts._sender import Message

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from runlog._database.connection import WriteConnection
    from runlog._settings import Settings
    from runlog.alerts._look import Watcher

LOOKED, UNDELIVERED, NO_DATABASE = 0, 1, 3
_LOOK_SECONDS: Final = 60.0
_DELIVERY_SECONDS: Final = 90.0
_PING_SECONDS: Final = 5.0
_BLIND_ATTEMPTS: Final = 3
_BLIND_SECONDS: Final = 300.0


def _clock() -> float:
    """Return this machine's time, in seconds since the epoch."""
    return time.time()


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether the database can be reached; kept in a file between looks that are processes.

    Attributes:
        blind_since: seconds since the epoch, of the first attempt that failed.
        attempts: how many failed since.
        has_told: the channels know.
    """

    blind_since: float | None = None
    attempts: int = 0
    has_told: bool = False

    def failed(self, now: float) -> Sight:
        """Return it after another attempt that failed."""
        return replace(self, blind_since=self.blind_since or now, attempts=self.attempts + 1)

    def is_to_be_told(self, now: float) -> bool:
        """Tell whether it has lasted long enough to be no hiccup."""
        return (
            not self.has_told
            and self.blind_since is not None
            and self.attempts >= _BLIND_ATTEMPTS
            and now - self.blind_since >= _BLIND_SECONDS
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt to look.

    Attributes:
        code: the exit code of ``watch --once``.
        said: why, when it is not 0.
    """

    code: int
    look: Look
    said: str = ""


class Watch:
    """Looks, again and again.

    Args:
        watcher: who looks.
        settings: which database.
        ping_url: called after a look that evaluated and delivered; with /fail when it did not.
        before: called with the connection before each look, such as to sweep.
        state: where sight is kept between processes; None: in memory.
    """

    def __init__(
        self,
        watcher: Watcher,
        settings: Settings,
        *,
        ping_url: str | None = None,
        before: Callable[[WriteConnection], object] = lambda _: None,
        state: Path | None = None,
    ) -> None:
        self._watcher = watcher
        self._settings = settings
        self._ping_url = ping_url
        self._before = before
        self._state = state
        self._sight = _load(state)
        self._is_reached = False

    def once(self, *, is_ended: Callable[[], bool] = lambda: False, **options: Any) -> Result:
        """Look once; never raises for what the database or a receiver does."""
        from runlog.errors import EmbeddedError

        try:
            done = self._look(is_ended, options)
        except (driver.Error, EmbeddedError) as error:
            if isinstance(error, driver.ProgrammingError):
                # The tables are missing, or a right: a person has to do something.
                raise
            result = Result(NO_DATABASE, Look(), str(error).strip().splitlines()[0])
            self._not_seen(result.said)
        else:
            failures = done.delivered.failures
            said = "; ".join(f"{it.channel}: {it.said}" for it in failures)
            result = Result(UNDELIVERED if failures else LOOKED, done, said)
        if self._ping_url and (lost := ping(self._ping_url, result.said)):
            return replace(result, said="; ".join(filter(None, (result.said, lost))))
        return result

    def repeat(
        self,
        every: timedelta,
        stop: threading.Event,
        tell: Callable[[Result], object],
        **options: Any,
    ) -> None:
        """Look until ``stop`` is set, with a tenth of jitter so that watchers drift apart."""
        import random

        while not stop.is_set():
            tell(self.once(is_ended=stop.is_set, **options))
            stop.wait(every.total_seconds() * random.uniform(0.9, 1.1))  # noqa: S311 - no secret

    def _look(self, is_ended: Callable[[], bool], options: dict[str, Any]) -> Look:
        from runlog._database import connection as connections

        self._is_reached = False
        settings = self._settings
        name = f"runlog watch {self._watcher.name}"
        connection = connections.connect(
            settings.dsn or "",
            kind=connections.WriteConnection,
            name=name,
            timeout=settings.connect_timeout,
        )
        # What a pooler queues, or a network swallows, ends by this process's clock.
        connection.deadline = time.monotonic() + _LOOK_SECONDS + _DELIVERY_SECONDS
        self._is_reached = True
        with connection:
            self._before(connection)
            since = self._sight.blind_since
            blind_since = datetime.fromtimestamp(since, UTC) if since else None
            done = look(
                connection, settings.schema, self._watcher,
                blind_since=blind_since, is_ended=is_ended, **options,
            )  # fmt: skip
        # Not before: a database that answers, and refuses the look, is no better.
        self._seen()
        self._keep(Sight())
        return done

    def _seen(self) -> None:
        if self._sight.has_told:
            self._tell("✔ the database answers again", f"after {self._blind_for()}")
            self._keep(replace(self._sight, has_told=False))

    def _not_seen(self, said: str) -> None:
        now = _clock()
        sight = self._sight.failed(now)
        self._keep(sight)
        if sight.is_to_be_told(now):
            since = datetime.fromtimestamp(sight.blind_since or now, UTC)
            what = "no look succeeds" if self._is_reached else "the database cannot be reached"
            wait = "" if self._is_reached else "; entries wait on disk"
            self._tell(
                f"✖ {what} since {since:%H:%M} UTC",
                f"{said}\nMeanwhile nobody knows whether scripts run{wait}.",
            )
            self._keep(replace(sight, has_told=True))

    def _blind_for(self) -> str:
        from runlog.alerts._wording import span_of

        seconds = _clock() - (self._sight.blind_since or _clock())
        return span_of(timedelta(seconds=seconds))

    def _tell(self, title: str, text: str) -> None:
        """Send to the channels directly: there is no outbox without a database."""
        key = f"runlog {self._watcher.name} {self._sight.blind_since} {title[:1]}"
        redact = self._watcher.redact
        message = Message(
            id=uuid5(NAMESPACE_URL, key),
            kind="resolved" if title.startswith("✔") else "opened",
            severity="error",
            title=title,
            text=redact(text),
            incident_id=uuid5(NAMESPACE_URL, key[:-1]),
            document={
                "schema": "runlog.alert/1", "id": uuid5(NAMESPACE_URL, key), "title": title,
                "kind": "resolved" if title.startswith("✔") else "opened", "text": redact(text),
                "sent_at": datetime.now(UTC), "attempt": 1, "repeated": False, "incidents": [],
            },
        )  # fmt: skip
        for channel in self._watcher.channels:
            channel.send(message)

    def _keep(self, sight: Sight) -> None:
        has_changed = sight != self._sight
        self._sight = sight
        if self._state is not None and has_changed:
            self._state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._state.write_text(json.dumps(asdict(sight)))


def _load(state: Path | None) -> Sight:
    try:
        return Sight(**json.loads(state.read_text())) if state else Sight()
    except (OSError, ValueError, TypeError):
        return Sight()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def ping(url: str, fault: str = "") -> str | None:
    """Give a sign of life as healthchecks.io takes it; return what went wrong, never raise."""
    opener = urllib.request.build_opener(_NoRedirects)
    body = fault.encode()[:1000] if fault else None
    try:
        # GET for well, POST with the reason for not.
        opener.open(
            f"{url.rstrip('/')}/fail" if fault else url, body, timeout=_PING_SECONDS
        ).close()
    except (OSError, ValueError) as error:
        return f"the ping did not arrive: {error}"
    return None
