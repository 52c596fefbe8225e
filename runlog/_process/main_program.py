"""How the process itself ends, seen from inside when the interpreter exits.

Lives here: what the main program did last: fell off the end, raised, or left by SystemExit. Python
shows the latter to no hook and tells nobody the exit code. From 3.12 on ``sys.monitoring`` reports
each frame that an exception leaves, the outermost one among them. On 3.11 ``sys.exit``, ``exit``
and ``quit`` are made to remember their code; ``raise SystemExit(code)`` stays unseen there.

Called on the caller's thread at the start of a run, and at the interpreter's exit.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from runlog._process import exit as _exit
from runlog._process import fork
from runlog._process.ending import FINISHED, Ending, code_of, ending_of, exited
from runlog._process.state import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

_FREE_TOOL_IDS = (3, 4)
"""Those that ``sys.monitoring`` does not set apart for debuggers, coverage and profilers."""

_UNSEEN = Ending(
    "error",
    "exited",
    "ended by SystemExit with a code that Python 3.11 does not show; use sys.exit(code)",
)


class Seen:
    """What was seen of the end of the main program."""

    def __init__(self) -> None:
        self.last_unwound: Ending | None = None
        self.last_exit: Ending | None = None
        self.known: Ending | None = None
        self.is_interrupted = False


seen = process.part(Seen)


class ProcessEnd:
    """What sees it, set up in the interpreter once and for good; one a process."""

    def __init__(self) -> None:
        self._is_watching = False
        self._outermost: FrameType | None = None
        self._target: CodeType | None = None
        self._is_monitored = False
        self._exit: Callable[..., NoReturn] | None = None

    def look(self) -> None:
        """Note where the main program runs; touches nothing."""
        if self._outermost is None:
            self._outermost = _outermost_frame()
        if self._target is None:
            self._target = fork.code_of_child()

    def watch(self) -> None:
        """Have Python tell how the main program ends."""
        self.look()
        if self._is_watching:
            # Also in a forked child: what was set up in the parent is there. But whoever puts
            # ``sys.exit`` back, as a test does, has put back ours too.
            if not self._is_monitored and sys.exit is not self._exit:
                self._remember_sys_exit()
            return
        self._is_watching = True
        if self._outermost is not None:
            self._is_monitored = self._monitor(self._outermost.f_code)
        if not self._is_monitored:
            self._remember_exit_codes()

    def know(self, ending: Ending) -> None:
        """Take the ending from someone who runs the main program and sees it end."""
        seen.known = ending
        seen.is_interrupted = type(ending.error) is KeyboardInterrupt

    def ending(self) -> Ending:
        """Return how the process ends; to be asked when the interpreter exits."""
        known, seen.known = seen.known, None
        if known is not None:
            return known
        if fork.is_child_of_multiprocessing():
            # Up to 3.12 it ends inside the ``finally`` around its target function.
            error = sys.exc_info()[1]
            return ending_of(error) if error else seen.last_unwound or FINISHED
        if self._is_monitored:
            return seen.last_unwound or FINISHED
        return self._uncaught() or self._exited() or FINISHED

    def keep_death_by_ctrl_c(self) -> None:
        """Have Python end by SIGINT, after KeyboardInterrupt, as it had in mind.

        It notes that the last code it ran ended so. What is imported later, by a delivery at the
        exit, overwrites the note: named tuples and dataclasses are made from source text.
        https://github.com/python/cpython/blob/3.11/Python/pythonrun.c (run_eval_code_obj)
        """
        uncaught = self._uncaught()
        if seen.is_interrupted or (uncaught and type(uncaught.error) is KeyboardInterrupt):
            with contextlib.suppress(KeyboardInterrupt):
                exec("raise KeyboardInterrupt", {})  # noqa: S102 - the only way to that note

    def _monitor(self, outermost: CodeType) -> bool:
        """Have Python tell when an exception leaves the outermost frame; False where it cannot."""
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            return False

        def unwound(code: CodeType, offset: int, error: BaseException) -> None:  # noqa: ARG001
            if code is (self._target or outermost):
                # Without the exception where Python does not keep it either: it would keep alive
                # what the script's variables hold.
                is_exit = issubclass(type(error), SystemExit)
                seen.last_unwound = exited(code_of(error)) if is_exit else ending_of(error)

        for tool in _FREE_TOOL_IDS:
            with contextlib.suppress(ValueError):
                monitoring.use_tool_id(tool, "runlog")
                monitoring.register_callback(tool, monitoring.events.PY_UNWIND, unwound)
                monitoring.set_events(tool, monitoring.events.PY_UNWIND)
                return True
        return False

    def _uncaught(self) -> Ending | None:
        """Return the ending by an exception that Python has printed as uncaught."""
        error = getattr(sys, "last_value", None)
        traceback = getattr(sys, "last_traceback", None)
        # A debugger or an interactive console inside the script leaves them as well.
        if error is None or getattr(traceback, "tb_frame", None) is not self._outermost:
            return None
        return ending_of(error)

    def _exited(self) -> Ending | None:
        """Return the ending by SystemExit; one that the program has caught is no end."""
        frame = self._outermost
        if frame is None or _has_returned(frame):
            return None
        return seen.last_exit or _UNSEEN

    def _remember_sys_exit(self) -> None:
        original = sys.exit
        sys.exit = self._exit = remembering = self._remembering(original)
        names = getattr(sys.modules.get("__main__"), "__dict__", {})
        for name in [name for name, value in names.items() if value is original]:
            # What ``from sys import exit`` has put there.
            names[name] = remembering

    def _remember_exit_codes(self) -> None:
        self._remember_sys_exit()
        import builtins

        for name in ("exit", "quit"):
            if callable(shown := getattr(builtins, name, None)):
                # Of a class, so that "exit" alone still tells a person how to leave.
                kind = type(shown)
                with contextlib.suppress(TypeError, AttributeError):
                    kind.__call__ = self._remembering_method(kind.__call__)
                break

    def _remembering(self, original: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
        def exit(code: Any = None, /) -> NoReturn:  # noqa: A001 - stands in for sys.exit
            self._note_exit(code)
            original(code)

        exit.__doc__ = original.__doc__
        return exit

    def _remembering_method(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def __call__(quitter: Any, code: Any = None) -> Any:  # noqa: N807 - becomes that method
            self._note_exit(code)
            return original(quitter, code)

        return __call__

    def _note_exit(self, code: object) -> None:
        if threading.current_thread() is threading.main_thread():
            seen.last_exit = exited(code)


def _outermost_frame() -> FrameType | None:
    ident = threading.main_thread().ident
    frame = sys._current_frames().get(ident or 0)  # noqa: SLF001 - the documented way to the frames
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _has_returned(frame: FrameType) -> bool:
    """Tell it by the last instruction: an exception leaves from elsewhere."""
    import opcode

    return opcode.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")


process_end = ProcessEnd()
"""That of this process."""

_exit.after_exit.append(process_end.keep_death_by_ctrl_c)
