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


class OverlapError(RunlogError):
    """Another run of this script is alive; wait for its end, or close it with "runlog close RUN".

    Attributes:
        script_name: the script of both runs.
        run_id: the run that is alive, as text.
    """

    def __init__(
        self, message: str | None = None, *, script_name: str = "", run_id: str = ""
    ) -> None:
        """Keep the facts beside the message."""
        super().__init__(message)
        self.script_name = script_name
        self.run_id = run_id


class Skipped(SystemExit):
    """Another run of this script is alive, and ``overlap="skip"`` gives it precedence.

    A SystemExit with code 0: a script that does not catch it ends quietly and well.

    Attributes:
        message: which run is alive and when it was last heard of.
        script_name: the script of both runs.
        run_id: the run that is alive, as text.
    """

    def __init__(self, message: str = "", *, script_name: str = "", run_id: str = "") -> None:
        """Keep the facts beside the exit code."""
        super().__init__(0)
        self.message = message
        self.script_name = script_name
        self.run_id = run_id


class QueryError(RunlogError, ValueError):
    """An argument of a query cannot be used; the message says what would do."""
