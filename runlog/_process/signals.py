"""SIGTERM and SIGHUP: the end of the run is recorded, then the process dies by that very signal.

A handler of the user's, and a signal that is ignored (nohup), are never touched. A second signal
ends the process at once. Handlers run in the main thread, between two of its bytecodes. While it
sits in a C call that does not come back, its deputy, a thread that the signal wakes through
``signal.set_wakeup_fd``, takes its place after a second: without runlog the signal would not have
waited either. A C call that keeps the GIL keeps the deputy out too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import threading
from typing import TYPE_CHECKING, Any

from runlog._process import clock
from runlog._process.ending import terminated
from runlog._process.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from runlog._process.ending import Ending

_PATIENCE_SECONDS = 1.0
_LONGEST_RECORDING_SECONDS = 10.0
# Signal numbers begin at 1.
_MAIN_THREAD_IS_AT_IT = 0
_INIT = 1
_CREDENTIALS = struct.Struct("3i")
"""struct ucred of Linux: pid, uid, gid."""


class SignalWatch:
    """Records the end of the process by a signal, then lets it die by it; one a process."""

    # SIGINT only where someone has put its default action in the place of KeyboardInterrupt.
    SIGNALS = tuple(
        getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
    )

    def __init__(self, on_signal: Callable[[Ending], None]) -> None:
        """Call ``on_signal`` once, in the main thread or in its deputy, when a signal comes."""
        self._on_signal = on_signal
        self._watched: set[int] = set()
        self._deputy: _Deputy | None = None
        self._is_taken = threading.Lock()

    def start(self) -> None:
        """Watch the signals that would end the process now; only the main thread can."""
        # The kernel never ends process 1 of a container by a signal that it does not handle.
        if threading.current_thread() is not threading.main_thread() or os.getpid() == _INIT:
            return
        for signum in self.SIGNALS:
            if signal.getsignal(signum) is signal.SIG_DFL:
                with contextlib.suppress(ValueError, OSError):
                    signal.signal(signum, self._handle)
                    self._watched.add(signum)
        if self._watched and os.name == "posix":
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                self._deputy = self._deputy or _Deputy(self._is_mine, self._stand_in)
                self._deputy.listen()

    def stop(self) -> None:
        """Put the default back where nobody else has set a handler since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for signum in self._watched:
            if self._is_mine(signum):
                with contextlib.suppress(ValueError, OSError):
                    signal.signal(signum, signal.SIG_DFL)
        self._watched.clear()
        if self._deputy is not None:
            self._deputy.stop_listening()

    def _is_mine(self, signum: int) -> bool:
        return signal.getsignal(signum) == self._handle

    def _handle(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature
        # First of all: a second signal must not wait for us.
        for watched in {*self._watched, signum}:
            signal.signal(watched, signal.SIG_DFL)
        deputy = self._deputy
        if deputy is not None:
            deputy.call_off()
        try:
            if self._is_taken.acquire(blocking=False):
                self._on_signal(terminated(signum))
            elif deputy is not None:
                # It came too late to this thread: the deputy is recording, and ends the process.
                deputy.wait(_LONGEST_RECORDING_SECONDS)
        finally:
            os.kill(os.getpid(), signum)

    def _stand_in(self, signum: int) -> None:
        """Do in the deputy's thread what ``_handle`` would have done."""
        if not self._is_taken.acquire(blocking=False):
            return
        has_default = _restore_default({*self._watched, signum})
        # In a thread again, so that a lock which the main thread holds cannot keep us alive.
        with contextlib.suppress(RuntimeError):
            recording = start_thread(lambda: self._on_signal(terminated(signum)), "runlog-ending")
            recording.join(_LONGEST_RECORDING_SECONDS)
        _die(signum, has_default=has_default)

    def after_fork_in_child(self) -> None:
        """Let go of the parent's deputy; one of its threads may hold the lock."""
        self._is_taken = threading.Lock()
        deputy, self._deputy = self._deputy, None
        if deputy is not None:
            deputy.abandon()


_set_wakeup_fd = signal.set_wakeup_fd


class _Deputy:
    """A thread that learns of signals by itself, and acts when the main thread does not."""

    def __init__(self, is_mine: Callable[[int], bool], stand_in: Callable[[int], None]) -> None:
        self._is_mine = is_mine
        self._stand_in = stand_in
        self._listens = False
        import socket

        self._inbox, sender = socket.socketpair()
        sender.setblocking(False)
        self._sender = sender.detach()
        if hasattr(socket, "SO_PASSCRED"):
            # The descriptor is a forked child's too, until it execs: whose signal was it?
            self._inbox.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._thread = start_thread(self._serve, "runlog-signals")

    def listen(self) -> None:
        """Have the signals told; another's wakeup descriptor stays."""
        self._listens = True
        other = _set_wakeup_fd(self._sender, warn_on_full_buffer=False)
        if other not in {-1, self._sender}:
            _set_wakeup_fd(other)
        if signal.set_wakeup_fd is _set_wakeup_fd:
            signal.set_wakeup_fd = self._set_for_others

    def stop_listening(self) -> None:
        """Have nothing told any more."""
        self._listens = False
        if signal.set_wakeup_fd == self._set_for_others:
            signal.set_wakeup_fd = _set_wakeup_fd
        with contextlib.suppress(ValueError, OSError):
            other = _set_wakeup_fd(-1)
            if other not in {-1, self._sender}:
                _set_wakeup_fd(other)

    def _set_for_others(self, fd: int, *, warn_on_full_buffer: bool = True) -> int:
        """Do what ``signal.set_wakeup_fd`` does, as if the deputy were not there.

        trio warns of a descriptor that was set before its loop began, and ends where warnings are
        errors. When a loop is over and takes its own away, the deputy listens again.
        """
        other = _set_wakeup_fd(fd, warn_on_full_buffer=warn_on_full_buffer)
        if fd == -1 and self._listens:
            _set_wakeup_fd(self._sender, warn_on_full_buffer=False)
        return -1 if other == self._sender else other

    def abandon(self) -> None:
        """Let go of it in a forked child, where its thread is not."""
        self.stop_listening()
        self._inbox.close()
        with contextlib.suppress(OSError):
            os.close(self._sender)

    def call_off(self) -> None:
        """Say, in the main thread's signal handler, that it has begun."""
        with contextlib.suppress(OSError):
            os.write(self._sender, bytes([_MAIN_THREAD_IS_AT_IT]))

    def wait(self, timeout: float) -> None:
        """Wait for the end that the deputy makes of the process."""
        self._thread.join(timeout)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                signum = self._next(None)
                # One that the user's handler answers is none of our business.
                if signum and self._is_mine(signum):
                    self._watch_main_thread(signum)

    def _watch_main_thread(self, signum: int) -> None:
        until = clock.monotonic() + _PATIENCE_SECONDS
        while (left := until - clock.monotonic()) > 0:
            answer = self._next(left)
            if answer == _MAIN_THREAD_IS_AT_IT:
                return
            if answer == signum and self._is_mine(signum):
                # A second one, and the first is not even being handled.
                _die(signum, has_default=_restore_default({signum}))
        if self._is_mine(signum):
            self._stand_in(signum)

    def _next(self, timeout: float | None) -> int | None:
        """Return the next number that this process sent; None when time ran out."""
        import socket

        self._inbox.settimeout(timeout)
        while True:
            try:
                data, ancillary, _, _ = self._inbox.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
            except TimeoutError:
                return None
            if data and _is_own(ancillary):
                return data[0]


def _is_own(ancillary: list[Any]) -> bool:
    import socket

    for _, kind, content in ancillary:
        if kind == getattr(socket, "SCM_CREDENTIALS", None):
            pid: int = _CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0]
            return pid == os.getpid()
    return True


def _restore_default(signums: set[int]) -> bool:
    """Set the default action from any thread, which Python's own ``signal`` refuses."""
    try:
        import ctypes

        libc = ctypes.CDLL(None)
        libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
        for signum in signums:
            libc.signal(signum, None)
    except Exception:
        # A Python without ctypes, or a platform without this symbol.
        return False
    return True


def _die(signum: int, *, has_default: bool) -> None:
    if has_default:
        os.kill(os.getpid(), signum)
        # One that is on its way to another thread already makes ours nothing, and needs a moment.
        clock.sleep(_PATIENCE_SECONDS)
    # As near as it gets to death by the signal.
    os._exit(128 + signum)
