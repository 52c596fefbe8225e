"""``webhook+https://…``: one POST with the message as JSON, signed, under its idempotency key."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from runlog.alerts._sender import End, Outcome
from runlog.alerts._statements import plain
from runlog.errors import SettingError

if TYPE_CHECKING:
    from runlog.alerts._sender import Message

_TIMEOUT_SECONDS: Final = 15.0
_RETRIED: Final = frozenset({408, 425, 429})
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Webhook:
    """An address that takes our JSON. Redirects are not followed: they would lose the body."""

    def __init__(self, url: str, secret: str | None) -> None:
        self._url = urlsplit(url)
        self._secret = secret
        if not self._url.hostname:
            raise SettingError("names no host; write webhook+https://host/path")
        if self._url.scheme == "http" and self._url.hostname not in _LOCAL:
            raise SettingError("is not encrypted; write webhook+https://")

    def send(self, message: Message) -> Outcome:
        """Post it; 2xx is yes."""
        body = json.dumps(message.document, default=plain).encode()
        connection = self._connection()
        is_sent = False
        try:
            connection.connect()
            is_sent = True
            path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            connection.request("POST", path, body, self._headers(message, body))
            answer = connection.getresponse()
            return outcome_of(answer.status, answer.read(300).decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            # Once something was sent, a missing answer tells nothing.
            end = End.UNKNOWN if is_sent and not isinstance(error, ssl.SSLError) else End.FAILED
            return Outcome(end, f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = str(self._url.hostname), self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS)

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        moment = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "runlog",
            "Idempotency-Key": str(message.id),
            "X-Runlog-Timestamp": moment,
        }
        if self._url.username:
            import base64
            from urllib.parse import unquote

            pair = f"{unquote(self._url.username)}:{unquote(self._url.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        if self._secret:
            signed = hmac.new(self._secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
            headers["X-Runlog-Signature"] = f"sha256={signed.hexdigest()}"
        return headers


def outcome_of(status: int, said: str) -> Outcome:
    """Return what an HTTP status means: yes, never, or not now."""
    told = f"HTTP {status}: {said}".strip(": ")
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's classes
        return Outcome(End.SENT)
    if status >= 500 or status in _RETRIED:  # noqa: PLR2004 - as above
        return Outcome(End.FAILED, told)
    return Outcome(End.REFUSED, told)
