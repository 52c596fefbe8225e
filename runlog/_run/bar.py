"""A bar on a terminal that shows how far a loop is; elsewhere nothing.

A thread of rich's draws it on stderr; the loop knows nothing of it. Standard output and loggers are
left alone, so what they print stands between two drawings of the bar.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from runlog._entry.texts import repr_of
from runlog._process.interrupts import is_interrupt
from runlog._process.notices import notices
from runlog._process.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlog._recorder.progress import Progress


def show(progress: Progress) -> Callable[[], None]:
    """Show ``progress`` until what is returned is called; neither raises."""
    bar: Any = None
    try:
        if sys.stderr.isatty():
            bar = _drawn(progress)
    except Exception as error:
        if is_interrupt(error):
            raise
        shown = repr_of(error)
        notices.change("bar", shown, f"the bar cannot be shown: {shown}")

    def hide() -> None:
        if bar is not None:
            with contextlib.suppress(Exception):
                bar.stop()

    return hide


def _drawn(progress: Progress) -> Any:
    from rich import progress as bars
    from rich.console import Console

    class Bar(bars.Progress):
        def get_renderables(self) -> Any:
            for task in self.tasks:
                task.completed = progress.done
            return super().get_renderables()

    bar = Bar(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task(visible(progress.what), total=progress.total)
    bar.start()
    return bar
