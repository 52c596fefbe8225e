"""The PostgreSQL protocol, as far as the FaultProxy must understand it.

Message borders and the SQL a message is about live here; sockets and faults do not. Pure.
Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

CODES_ANSWERED_BY_ONE_BYTE = (80877103, 80877104)  # SSLRequest, GSSENCRequest


def says_not_committed(answer: bytes) -> bool:
    """Say whether this answer is an ErrorResponse or the CommandComplete of a ROLLBACK."""
    return answer[:1] == b"E" or (answer[:1] == b"C" and answer[5:13] == b"ROLLBACK")


class MessageStream:
    """The bytes of one direction, cut into whole messages."""

    def __init__(self, *, is_typed: bool) -> None:
        self.is_typed = is_typed  # startup packets have a length but no type
        self.is_opaque = False  # encrypted: pass on what comes
        self.single_bytes = 0  # answers still due to SSLRequest and the like
        self._held = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._held += chunk

    def take(self) -> bytes:
        """Return the next whole message, or nothing while it is incomplete."""
        size = self._next_size()
        if not 0 < size <= len(self._held):
            return b""
        message = bytes(self._held[:size])
        del self._held[:size]
        return message

    def _next_size(self) -> int:
        if self.is_opaque:
            return len(self._held)
        if self.single_bytes:
            return 1
        at = 1 if self.is_typed else 0
        if len(self._held) < at + 4:
            return 0
        return at + int.from_bytes(self._held[at : at + 4], "big")


class Statements:
    """Which SQL a message of the simple or extended protocol is about."""

    def __init__(self) -> None:
        self._prepared: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}

    def sql_of(self, message: bytes) -> str:
        """Return the SQL of a Query, Parse, Bind or Execute; nothing for any other message."""
        kind = message[:1]
        if kind not in (b"Q", b"P", b"B", b"E"):
            return ""
        first, second, *_ = message[5:].split(b"\0", 2)
        if kind == b"Q":
            return first.decode(errors="replace")
        if kind == b"P":
            self._prepared[first] = second.decode(errors="replace")
            return self._prepared[first]
        if kind == b"B":
            self._portals[first] = self._prepared.get(second, "")
        return self._portals.get(first, "")
