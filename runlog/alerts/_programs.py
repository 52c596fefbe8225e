"""``exec:/path`` and ``python:package.module:function``: channels of one's own."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from runlog.alerts._sender import End, Outcome
from runlog.alerts._statements import plain
from runlog.errors import SettingError

if TYPE_CHECKING:
    from runlog.alerts._sender import Message

_TIMEOUT_SECONDS: Final = 30


class Program:
    """A program that gets the message as JSON on stdin; its exit code 0 is yes. No shell."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)
        if not self._command or shutil.which(self._command[0]) is None:
            raise SettingError(f"names no program: {command!r}; write exec:/path/to/program")

    def send(self, message: Message) -> Outcome:
        """Run it, for half a minute at most."""
        environment = {
            **os.environ,
            "RUNLOG_ALERT_TITLE": message.title,
            "RUNLOG_ALERT_KIND": message.kind,
            "RUNLOG_ALERT_SEVERITY": message.severity,
        }
        document = json.dumps(message.document, default=plain)
        try:
            ended = subprocess.run(
                self._command, input=document, env=environment, text=True, check=False,
                capture_output=True, timeout=_TIMEOUT_SECONDS, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Outcome(End.UNKNOWN, f"no answer within {_TIMEOUT_SECONDS} s")
        except (OSError, ValueError) as error:
            return Outcome(End.FAILED, str(error))
        if ended.returncode == 0:
            return Outcome(End.SENT)
        said = (ended.stderr or ended.stdout).strip()[-300:]
        return Outcome(End.FAILED, f"exit code {ended.returncode}: {said}".strip(": "))


class Function:
    """A function that is called with the message; an exception is no."""

    def __init__(self, name: str) -> None:
        module, _, function = name.partition(":")
        try:
            found = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError, ValueError) as error:
            raise SettingError(
                f"names no function: {error}; write python:package.module:function"
            ) from None
        if not callable(found):
            raise SettingError(f"names {name!r}, which cannot be called")
        self._function = found

    def send(self, message: Message) -> Outcome:
        """Call it."""
        try:
            self._function(message)
        except (Exception, SystemExit) as error:
            # Whatever a function of somebody's raises, the look goes on.
            return Outcome(End.FAILED, f"{type(error).__name__}: {error}")
        return Outcome(End.SENT)
