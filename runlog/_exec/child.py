"""The program that ``runlog exec`` runs: started as a shell would start it, signalled, waited for.

Runs in the main thread, with the signals blocked that are to be handed on: they are waited for
together with the program's end, so that nothing happens between two looks.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlog._exec.relay import Relay

NOT_FOUND, NOT_EXECUTABLE = 127, 126
_HANDED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM")
# Python ignores these; a program that is not Python expects the default.
_RESTORED = ("SIGPIPE", "SIGXFSZ")
_BY_THE_KERNEL = 0x80
"""si_code of a signal that a terminal sent: to its whole foreground group, the program included."""


class ProgramError(Exception):
    """The program could not be started.

    Attributes:
        exit_code: what a shell returns: 127 for not found, 126 for not executable.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Child:
    """One program, from its start to its end."""

    def __init__(self) -> None:
        """Block the signals from here on; threads that start later inherit that."""
        # An ignored one (nohup) stays ignored, here and in the program.
        self._handed_on = {
            number
            for name in _HANDED_ON
            if signal.getsignal(number := getattr(signal, name)) is not signal.SIG_IGN
        }
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._handed_on | {signal.SIGCHLD})
        self._pid = 0

    def sleep(self, seconds: float) -> int:
        """Wait; return the number of a signal that came instead of the program's start, else 0."""
        info = signal.sigtimedwait(self._handed_on, seconds)
        return info.si_signo if info else 0

    def start(
        self, command: list[str], environ: Mapping[str, str], outputs: dict[int, int]
    ) -> None:
        """Start the program.

        Args:
            command: name or path, and arguments.
            environ: its environment.
            outputs: its descriptors 0, 1 and 2 that are others than ours.

        Raises:
            ProgramError: there is no such program, or it may not be run.
        """
        try:
            self._pid = self._spawn(command, environ, outputs)
        except OSError as error:
            raise _explained(command[0], error) from None

    def _spawn(
        self, command: list[str], environ: Mapping[str, str], outputs: dict[int, int]
    ) -> int:
        actions = [(os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in outputs.items()]
        restored = [getattr(signal, name) for name in _RESTORED if hasattr(signal, name)]
        for words in (command, ["/bin/sh", *command]):
            try:
                return os.posix_spawnp(
                    words[0],
                    words,
                    environ,
                    file_actions=actions,
                    setsigmask=self._mask,
                    setsigdef=restored,
                )
            except OSError as error:
                # A script without "#!": shells run it themselves.
                if error.errno != errno.ENOEXEC or words is not command:
                    raise
        raise AssertionError

    def pass_on(self, source: int, target: int) -> None:
        """Have ``cat`` serve a pipe that somebody still writes to when we are gone."""
        with contextlib.suppress(OSError):
            self._spawn(["cat"], os.environ, {0: source, 1: target})

    def wait(self, relay: Relay) -> int:
        """Hand signals on until the program has ended and its output is passed on.

        Returns:
            Its exit code; negative when a signal ended it.
        """
        status: int | None = None
        while status is None or not relay.is_done:
            info = signal.sigwaitinfo(self._handed_on | {signal.SIGCHLD})
            if info.si_signo == signal.SIGCHLD:
                if status is None and (status := self._reap()) is not None:
                    relay.program_is_gone()
            elif status is not None:
                # The program is gone; somebody is tired of waiting for who reads its output.
                break
            elif info.si_code != _BY_THE_KERNEL and info.si_pid != self._pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(self._pid, info.si_signo)
        return os.waitstatus_to_exitcode(status or 0)

    def _reap(self) -> int | None:
        """Take the program's status; and, as process 1 of a container, those of orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if pid in {0, self._pid}:
                return status if pid else None

    def release_signals(self) -> None:
        """Let signals end this process again, as if it had never waited for any."""
        for number in self._handed_on:
            signal.signal(number, signal.SIG_DFL)
        # Those that came too late for the program are no reason to end differently.
        while signal.sigtimedwait(self._handed_on, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def replace_process(command: list[str]) -> int:
    """Become the program, where there is nothing to record; return only if that fails."""
    for name in _RESTORED:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - without a shell is the point
    except OSError as error:
        explained = _explained(command[0], error)
    raise explained


def die_by(number: int) -> int:
    """End this process by the program's signal; return the exit code if it lives on."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        # The program has left a core file or not; ours would replace it.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    # Process 1 of a container is not ended by signals.
    return 128 + number


def _explained(name: str, error: OSError) -> ProgramError:
    if error.errno == errno.ENOENT:
        return ProgramError(f"{name!r}: command not found", NOT_FOUND)
    return ProgramError(f"{name!r} cannot be run: {error.strerror}", NOT_EXECUTABLE)
