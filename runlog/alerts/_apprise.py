"""Every other address: a service that Apprise knows (Slack, Telegram, e-mail, PagerDuty …).

Always plain text, neutralised and cut here: in its other formats Apprise hands mentions on, and
what is over a service's limit it sends as it is. Imported only by a process that sends: it costs a
second and 50 MB.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from runlog._process.distribution import pip_line
from runlog.alerts._neutral import cut, neutral
from runlog.alerts._sender import End, Outcome
from runlog.alerts._webhook import outcome_of
from runlog.errors import MissingExtraError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlog.alerts._sender import Message

_TITLE_MAX: Final = 120
_HTTP_ERROR: Final = re.compile(r"error=(\d{3})\b")
_NOT_ARRIVED: Final = re.compile(
    "refused|NameResolution|ConnectTimeout|NewConnection|unreachable|getaddrinfo|SSLError",
    re.IGNORECASE,
)
_SETTINGS: Final = "cto=5&rto=15"
"""Seconds to connect and to wait: Apprise's own 4 give up on receivers that have taken it."""
_REPEATED: Final = "(again: it is not known whether this arrived)\n"
_lock = threading.Lock()
"""Apprise has one logger; only one call at a time can be listened to."""


class Service:
    """An address of Apprise."""

    def __init__(self, address: str) -> None:
        apprise = _imported()
        self._apprise = apprise
        self._address = address
        self._plugin(address)

    def _plugin(self, address: str) -> Any:
        """Return what Apprise makes of an address.

        Raises:
            SettingError: nothing.
        """
        asset = self._apprise.AppriseAsset(
            app_id="runlog",
            app_desc="runlog",
            # Images are fetched from elsewhere; a redirect loses the body and counts as sent.
            image_url_mask="",
            image_url_logo="",
            http_redirects=False,
            default_service_retry=0,
            async_mode=False,
        )
        with _listening(), warnings.catch_warnings():
            # Its plugins are imported here, with what they import of old.
            warnings.simplefilter("ignore")
            plugin = self._apprise.Apprise.instantiate(address, asset=asset)
        if plugin is None:
            raise SettingError(f"is of no known service{self._hint(address)}")
        return plugin

    def _hint(self, address: str) -> str:
        import difflib

        scheme = address.partition(":")[0]
        known = [
            str(name)
            for name in self._apprise.Apprise().details()["schemas"]
            for name in _names(name)
        ]
        if scheme in known:
            return f", or lacks something that {scheme}:// needs"
        close = difflib.get_close_matches(scheme, known, n=1)
        return f"; did you mean {close[0]}://?" if close else ""

    def send(self, message: Message) -> Outcome:
        """Send it; what Apprise logs tells how it ended."""
        plugin = self._plugin(_with_keys(self._address, message))
        title = neutral(message.title).replace("\n", " ")[:_TITLE_MAX]
        text = (_REPEATED if message.is_repeated else "") + neutral(message.text)
        limit = int(plugin.body_maxlen or 0)
        if not plugin.title_maxlen and limit:
            # There the title becomes the first line of the text.
            limit -= len(title) + 2
        with _lock, _listening() as said:
            try:
                is_sent = plugin.notify(
                    body=cut(text, limit),
                    title=title,
                    notify_type=_type(message),
                    body_format=self._apprise.NotifyFormat.TEXT,
                )
            except Exception as error:
                # A plugin's own fault must not end the look.
                return Outcome(End.FAILED, f"{type(error).__name__}: {error}")
        return Outcome(End.SENT) if is_sent else _outcome(said)


def _imported() -> Any:
    try:
        import apprise
    except ImportError:
        raise MissingExtraError(
            f"alerts need apprise: {pip_line('alerts')} (webhook+https://, exec: and python: work "
            "without)"
        ) from None
    return apprise


def _names(schema: Any) -> list[str]:
    return [*(schema.get("protocols") or ()), *(schema.get("secure_protocols") or ())]


def _type(message: Message) -> str:
    if message.kind in {"resolved", "test"}:
        return "success" if message.kind == "resolved" else "info"
    return {"error": "failure", "warning": "warning"}.get(message.severity, "info")


def _with_keys(address: str, message: Message) -> str:
    """Return the address with the keys by which a receiver tells a repeat."""
    scheme = address.partition(":")[0]
    given = [_SETTINGS]
    incident = str(message.incident_id or message.id)
    if scheme == "pagerduty":
        action = "resolve" if message.kind == "resolved" else "trigger"
        given.append(f"dedup={incident}&action={action}")
    elif scheme == "opsgenie":
        action = "close" if message.kind == "resolved" else "new"
        given.append(f"alias={incident}&action={action}")
    elif scheme in {"json", "jsons", "form", "forms", "xml", "xmls"}:
        given.append(f"+Idempotency-Key={message.id}")
    elif scheme.startswith("mailto"):
        # What tells of one incident becomes one thread.
        given.append(f"+References={quote(f'<{incident}@runlog>')}")
    return address + ("&" if "?" in address else "?") + "&".join(given)


def _outcome(said: list[str]) -> Outcome:
    text = " ".join(said)
    told = next((line for line in said if "rror" in line or "ailed" in line), text)[:300]
    if match := _HTTP_ERROR.search(text):
        return Outcome(outcome_of(int(match[1]), "").end, told)
    if _NOT_ARRIVED.search(text):
        return Outcome(End.FAILED, told)
    is_lost = "timed out" in text or "Connection error" in text
    return Outcome(End.UNKNOWN if is_lost else End.FAILED, told or "no reason given")


class _Listener(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what tells of the end, and nothing of the payload."""
        text = record.getMessage()
        if record.levelno >= logging.WARNING or "xception" in text:
            self._said.append(text)


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Take what Apprise logs; nothing of it goes elsewhere, since it may hold secrets."""
    logger = logging.getLogger("apprise")
    before = (logger.level, logger.propagate)
    said: list[str] = []
    listener = _Listener(said)
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before[0])
        logger.propagate = before[1]
