"""A RunContext is used many times: each use is a run of its own.

A second ``with``, a decorated call, a ``start`` after ``finish``, two threads in one instance: all
begin anew, from the settings of the first. Runs on the caller's thread; any thread.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from runlog._recorder import open_runs
from runlog._run.decorator import Decorator

if TYPE_CHECKING:
    from runlog._recorder.run_state import RunState
    from runlog._run.use import Use

_OWN = frozenset({"_use", "_others", "_lock"})


class Reusable(Decorator):
    """Holds the use that is under way, or the next one."""

    def __init__(self, use: Use) -> None:
        self._use = use
        self._others: list[Self] = []
        """Further uses of this instance that are open at the same time."""
        # Re-entrant: a signal handler may use it in the middle of this.
        self._lock = threading.RLock()

    @property
    def _state(self) -> RunState:
        return self._use.state

    def _copy(self) -> Self:
        """Return another instance of the same settings, not started."""
        other = type(self).__new__(type(self))
        other.__setstate__((self._use.settings(), self._own_attributes()))
        return other

    def _next_use(self) -> Self | None:
        """Return this instance, ready to begin; None when it is open already."""
        with self._lock:
            if self._use.is_over:
                self._use = type(self._use)(self._use.settings())
            if self._use.is_claimed:
                return None
            self._use.is_claimed = True
            return self

    def _next_block(self) -> Self:
        """Return an instance that is ready to begin: this one, or another if it is open."""
        with self._lock:
            run = self._next_use()
            if run is None:
                run = self._copy()
                run._next_use()  # noqa: SLF001 - of this class
                self._others.append(run)
            return run

    def _left_block(self) -> Self:
        """Return the instance whose block is left here."""
        with self._lock:
            bound = open_runs.run_variable.get()
            for run in reversed(self._others):
                if run._state is bound or self._use.is_over:  # noqa: SLF001 - of this class
                    self._others.remove(run)
                    return run
            return self

    def _own_attributes(self) -> dict[str, Any]:
        """Return what a subclass has put into this instance."""
        return {name: value for name, value in vars(self).items() if name not in _OWN}

    def __getstate__(self) -> Any:
        """Return the settings: what is pickled or copied is another run, not started."""
        settings = self._use.settings()
        # A plain dict travels further than one of ours.
        return {**settings, "metadata": dict(settings["metadata"])}, self._own_attributes()

    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
        from runlog._run.use import Use

        settings, attributes = state
        vars(self).update(attributes)
        Reusable.__init__(self, Use(settings))
