"""What is sent to a channel, and what became of it; what every sender has in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


class End(StrEnum):
    """How one attempt to send ended."""

    SENT = "sent"
    REFUSED = "refused"
    """For good: another attempt would be refused as well."""
    FAILED = "failed"
    """It did not arrive; another attempt may."""
    UNKNOWN = "unknown"
    """It may have arrived: the answer is missing."""


class Outcome(NamedTuple):
    """What became of a message, and what the receiver said."""

    end: End
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent.

    Attributes:
        id: the idempotency key.
        kind: opened, resolved, reminder or test.
        title: one line.
        text: plain lines.
        document: the same for programs, schema ``runlog.alert/1``.
        is_repeated: it may have arrived before.
        incident_id: where the message tells one incident only.
    """

    id: UUID
    kind: str
    severity: str
    title: str
    text: str
    document: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1
    is_repeated: bool = False
    incident_id: UUID | None = None


class Sender(Protocol):
    """One kind of address."""

    def send(self, message: Message) -> Outcome:
        """Send and wait for the answer, at most half a minute; never raises."""
