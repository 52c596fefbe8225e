"""Channels: where messages go. An address is a secret; a channel is known by a name.

Each kind of address has one sender, which says what became of a message in an ``Outcome``. Runs on
the watcher's thread, outside of any transaction; the sending on a thread that is waited for.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlog.alerts._sender import End, Outcome
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runlog.alerts._config import Config
    from runlog.alerts._sender import Message, Sender

SECRET_VARIABLE: Final = "RUNLOG_ALERT_SECRET"  # noqa: S105 - the variable's name
_NAMED: Final = re.compile(r"([A-Za-z][\w.-]*)=(?=[a-z][a-z0-9+.-]*:)")
_LONGEST_SECONDS = 50.0
_MANAGERS: Final = frozenset({"pagerduty", "opsgenie", "splunk", "victorops"})
"""Services that keep incidents of their own: told of each alone, under its id."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where to tell.

    Attributes:
        name: what the database knows it by.
        group: its name in ``runlog.toml``, for routes.
        is_manager: keeps incidents of its own.
        at_most_once: never told again when it is not known whether something arrived.
    """

    name: str
    group: str
    sender: Sender
    is_manager: bool = False
    at_most_once: bool = False

    def send(self, message: Message) -> Outcome:
        """Send and wait for the answer, for less than a lease.

        On a thread of its own: limits of single reads do not end what answers byte by byte, nothing
        ends a function that hangs, and meanwhile nobody would look.
        """
        import threading

        ends: list[Outcome] = []
        sending = threading.Thread(
            target=lambda: ends.append(self.sender.send(message)),
            name=f"runlog tells {self.name}",
            daemon=True,
        )
        sending.start()
        sending.join(_LONGEST_SECONDS)
        if ends:
            return ends[0]
        return Outcome(End.UNKNOWN, f"no answer within {_LONGEST_SECONDS:.0f} s")


def open_channels(config: Config, environ: Mapping[str, str]) -> list[Channel]:
    """Return the channels of the configuration whose variables are set.

    Raises:
        SettingError: an address is of no known kind; at start-up, not at 3 a.m.
        MissingExtraError: an address needs Apprise, which is not installed.
    """
    channels = []
    for source in config.channels:
        addresses = list(_addresses(environ.get(source.variable, "")))
        for number, (name, address) in enumerate(addresses, 1):
            scheme = address.partition(":")[0]
            try:
                sender = _sender(scheme, address, environ)
            except SettingError as error:
                raise SettingError(
                    f"{source.variable}: the {_ordinal(number)} address ({scheme}:…) {error}",
                    name="alert_urls",
                    origin=source.variable,
                ) from None
            is_alone = len(addresses) == 1 and source.name != "default"
            fallback = source.name if is_alone else f"{scheme}-{_digest(address)}"
            is_manager = scheme in _MANAGERS
            channels.append(
                Channel(name or fallback, source.name, sender, is_manager, source.at_most_once)
            )
    return channels


def _addresses(text: str) -> Iterator[tuple[str | None, str]]:
    for word in text.split():
        match = _NAMED.match(word)
        yield (match[1], word[match.end() :]) if match else (None, word)


def _sender(scheme: str, address: str, environ: Mapping[str, str]) -> Sender:
    rest = address.partition(":")[2]
    if scheme in {"webhook+https", "webhook+http"}:
        from runlog.alerts._webhook import Webhook

        return Webhook(address.removeprefix("webhook+"), environ.get(SECRET_VARIABLE))
    if scheme == "exec":
        from runlog.alerts._programs import Program

        return Program(rest.removeprefix("//"))
    if scheme == "python":
        from runlog.alerts._programs import Function

        return Function(rest.removeprefix("//"))
    from runlog.alerts._apprise import Service

    return Service(address)


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:8]


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
