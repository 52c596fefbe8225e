"""The errors that runlog raises to people; the class docstring is the default message.

The writing side never raises one of these out of a logging call or a ``RunContext``; they come
from setting up (``configure``, handlers, processors), from the reading side and the command line.
"""

from __future__ import annotations


class RunlogError(Exception):
    """Something about runlog itself went wrong; the message says what to do."""

    def __init__(self, message: str | None = None) -> None:
        """Take ``message``, or the class docstring when there is none."""
        super().__init__(message or (type(self).__doc__ or "").strip().rstrip("."))


class SettingError(RunlogError, ValueError):
    """A setting has a value that runlog cannot use.

    Attributes:
        name: the setting, as in ``configure(name=…)``.
        origin: where the value came from: ``argument`` or the environment variable's name.
    """

    def __init__(self, message: str, *, name: str = "", origin: str = "argument") -> None:
        """Keep the setting's name and origin beside the message."""
        super().__init__(message)
        self.name = name
        self.origin = origin


class MissingExtraError(RunlogError, ImportError):
    """A feature needs a package that is not installed."""


class DatabaseUnavailableError(RunlogError):
    """The database could not be reached; check the address, then try again."""


class SchemaError(RunlogError):
    """The tables are missing or of another version; run "runlog migrate"."""


class EmbeddedError(RunlogError):
    """The embedded PostgreSQL could not be started or stopped."""
