"""``runlog exec``: any program, in any language, with a run around it.

Lives here: what the run is called, what becomes of lines, how the program's end is told. Not here:
the process (``child``), its output (``relay``) and its lines (``lines``). Runs in
the main thread; the program never waits for the database.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlog._exec.child import Child, ProgramError, die_by, replace_process
from runlog._exec.relay import Relay, Stream
from runlog._process.ending import FINISHED, Ending, signal_name, terminated
from runlog._process.notices import say
from runlog._recorder import registry
from runlog._run import batch
from runlog._run.context import RunContext
from runlog._run.handed_down import handed_down
from runlog.errors import DatabaseUnavailableError, OverlapError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._exec.lines import Line
    from runlog._recorder.recorder import Recorder
    from runlog._settings import Settings

# Program → the options behind which the script's text comes, instead of its name.
_INTERPRETERS = {
    **dict.fromkeys(("python", "pypy", "bash", "sh", "dash", "zsh"), ("-c", "-")),
    **dict.fromkeys(("node", "ruby", "perl", "php", "Rscript"), ("-e", "-E", "-r", "--eval", "-")),
}
_LONGEST_REASON = 500
_OVERLAP = 1


def execute(
    command: list[str],
    *,
    script_name: str | None = None,
    step: str | None = None,
    recorded: tuple[int, ...] = (1, 2),
    **context: Any,
) -> int:
    """Run ``command`` with a run around it; its lines become entries.

    What the program prints is passed on unchanged and apart, signals are handed on, and this
    process ends as the program did: with its exit code, or by the same signal. A program that
    uses runlog itself joins the run.

    Args:
        command: name or path of the program, and its arguments.
        script_name: default: the program's name, or that of the script an interpreter is given.
        step: the step of lines that name none. Default: the setting ``default_step``.
        recorded: which of the streams 1 and 2 become entries; the other is left alone.
        context: further arguments of ``RunContext``.

    Returns:
        The exit code; 1 when the program was not started, because another run of it is alive.
    """
    recorder = registry.active()
    if recorder is None:
        try:
            return replace_process(command)
        except ProgramError as error:
            say(str(error))
            return error.exit_code
    _open_standard_descriptors()
    child = Child()
    # Before the run, which tells them.
    sys.argv = list(command)
    name = script_name or name_of(command)
    run = RunContext(name, **context)
    try:
        number = _begin(run, child)
    except OverlapError as error:
        say(str(error))
        return _OVERLAP
    except (DatabaseUnavailableError, SchemaError) as error:
        say(f"{error}; whether another run of {name!r} is alive is not known, so it runs")
        run = RunContext(name, **{**context, "overlap": "allow"})
        number = _begin(run, child)
    if number:
        return die_by(number)
    use = run._use  # noqa: SLF001 - its end is the program's
    status, ending = _run(command, child, run, _Lines(recorder, use.state.id_text, step), recorded)
    use.leave(ending)
    child.release_signals()
    registry.close_all()
    return status if status >= 0 else die_by(-status)


def _begin(run: RunContext, child: Child) -> int:
    """Begin the run, waiting for others if it shall; the signal that ended the waiting, or 0.

    Raises:
        OverlapError: another run is alive.
        Skipped: the same, and that is well.
        DatabaseUnavailableError: whether one is cannot be asked.
        SchemaError: there are no tables to ask.
    """
    use = run._use  # noqa: SLF001 - its begin must be able to wait for signals
    use.is_claimed = True
    for pause in use.begin(run, is_block=True):
        if number := child.sleep(pause):
            return number
    return 0


def _run(
    command: list[str], child: Child, run: RunContext, lines: _Lines, recorded: tuple[int, ...]
) -> tuple[int, Ending]:
    pipes = {number: os.pipe() for number in recorded}
    streams = [Stream(pipes[number][0], number, lines.taker(number)) for number in recorded]
    relay = Relay(streams)
    environ = {
        **os.environ,
        **handed_down(run._state.id_text, lines.settings),  # noqa: SLF001 - its id as a text
        batch.VARIABLE: str(run.batch_id),
    }
    try:
        child.start(command, environ, {number: pipe[1] for number, pipe in pipes.items()})
    except ProgramError as error:
        say(str(error))
        return error.exit_code, Ending("error", "failed", str(error))
    for _, theirs in pipes.values():
        os.close(theirs)
    relay.start()
    status = child.wait(relay)
    for stream in relay.leftovers():
        child.pass_on(stream.source, stream.target)
    how = {"exit_code": status} if status >= 0 else {"signal": signal_name(-status)}
    run._state.note(**how)  # noqa: SLF001 - beside the outcome
    errors = next((stream.reader for stream in streams if stream.target == 2), None)  # noqa: PLR2004 - stderr
    return status, ending_of_program(
        status,
        errors.last_message if errors else "",
        is_traceback=errors is not None and errors.ended_in_traceback,
    )


def ending_of_program(status: int, last_error: str, *, is_traceback: bool) -> Ending:
    """Return how a run ends whose program ended with ``status``.

    Args:
        status: its exit code; negative when a signal ended it.
        last_error: the last message on its stderr.
        is_traceback: that message is what a Python traceback ended in.
    """
    reason = last_error[:_LONGEST_REASON]
    if status == 0:
        return FINISHED
    if status > 0:
        if is_traceback and status == 1:
            return Ending("error", "failed", reason)
        return Ending("error", "exited", f"exit code {status}" + (f": {reason}" if reason else ""))
    number = -status
    if number == signal.SIGINT:
        by_python = is_traceback and reason == "KeyboardInterrupt"
        return Ending("error", "interrupted", reason if by_python else "interrupted by SIGINT")
    if number in {signal.SIGTERM, signal.SIGHUP}:
        return terminated(number)
    return Ending("error", "killed", f"killed by {signal_name(number)}")


def name_of(command: list[str]) -> str:
    """Return what a run of ``command`` is called: ``etl`` for ``python3 -u jobs/etl.py --all``."""
    program = Path(command[0]).name
    text_options = _INTERPRETERS.get(program.rstrip("0123456789."))
    if text_options is not None:
        words = iter(command[1:])
        for word in words:
            if word == "-m":
                return next(words, program)
            if word in text_options:
                break
            # An option may have a value: python -X dev etl.py
            if not word.startswith("-") and (Path(word).suffix or Path(word).is_file()):
                return Path(word).stem
    return Path(program).stem or program


class _Lines:
    """Puts the lines of the program's streams into the recorder."""

    def __init__(self, recorder: Recorder, run_id: str, step: str | None) -> None:
        self._recorder = recorder
        self._run_id = run_id
        self._step = step

    @property
    def settings(self) -> Settings:
        """Those of the recorder."""
        return self._recorder.settings

    def taker(self, number: int) -> Callable[[Line], None]:
        """Return what records the lines of stream 1 or 2."""
        mark = {"stream": "stderr"} if number == 2 else {}  # noqa: PLR2004 - stderr

        def take(line: Line) -> None:
            meta = {**line.meta, **mark} if line.meta else dict(mark)
            # Whatever it is, the program's output goes on.
            with contextlib.suppress(Exception):
                self._recorder.record(
                    self._run_id,
                    time.time(),
                    line.levelno,
                    line.levelname,
                    line.step or self._step,
                    line.message,
                    meta,
                )

        return take


def _open_standard_descriptors() -> None:
    """Fill descriptors that were closed (``>&-``), or a pipe of ours would get their numbers."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
