"""The options that many commands share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import click

from runlog.cli import _complete as complete
from runlog.cli._times import AGE, SINCE
from runlog.queries._parameters import EVERYTHING, LEVEL_WORDS, LEVELS
from runlog.queries._states import STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    _LevelType = click.ParamType[str]
else:
    # Generic only in click's stubs of 8.5 and newer.
    _LevelType = click.ParamType

__all__ = ["AGE", "LEVEL", "SINCE"]

RUN_HELP: Final = 'RUN is an id, its first digits, "last", or the name of a script: its last run.'


class _Level(_LevelType):
    """A level by any of its usual names."""

    name = "level"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return f"[{'|'.join(LEVELS)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the level as the table has it."""
        found = LEVEL_WORDS.get(str(value).lower())
        if found is None:
            self.fail(f"{value!r} is no level; use one of {', '.join(LEVELS)}", param, ctx)
        return found

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[Any]:
        """Return the levels that begin like this."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in LEVELS if name.startswith(incomplete.upper())]


LEVEL = _Level()


class Seconds(click.FloatRange):
    """A time that a clock can count to."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the seconds; what is no number compares with no bound of the range."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not in the range, since it is no number", param, ctx)
        return seconds


def run_argument(*, is_required: bool = False, default: str | None = "last") -> Callable[..., Any]:
    """Add RUN."""
    # A default of None would be one to click, and satisfy what is required.
    known: dict[str, Any] = {"required": True} if is_required else {"default": default}
    return click.argument("run", **known, shell_complete=complete.runs)


def script_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add SCRIPT, which may be left out."""
    return click.argument("script", required=False, shell_complete=complete.scripts)(function)


def script_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--script``."""
    return click.option(
        "--script",
        metavar="NAME",
        shell_complete=complete.scripts,
        help="Only this script; a pattern such as 'hubspot-*' will do.",
    )(function)


def time_options(default: str | None, what: str) -> Callable[..., Any]:
    """Add ``--since`` with its default, and ``--until``."""
    tail = f" Default: {default}." if default else ""
    since = click.option(
        "--since",
        type=SINCE,
        default=default,
        help=f'{what}: 24h, 7d, "1 hour ago", 2026-01-31, yesterday.{tail}',
    )
    until = click.option("--until", type=SINCE, help="Only before; as --since.")
    return lambda function: since(until(function))


def status_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--status``."""
    return click.option(
        "--status", type=click.Choice(STATES), help="Only runs that stand like this."
    )(function)


def entry_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--level``, ``--step`` and ``--grep``."""
    level = click.option("--level", type=LEVEL, help="This level and those above it.")
    step = click.option("--step", metavar="NAME", help="Only this step; a pattern will do.")
    text = click.option(
        "--grep", "text", metavar="TEXT", help="Only what holds TEXT in message or meta."
    )
    return level(step(text(function)))


def limit_option(default: int | None, what: str) -> Callable[..., Any]:
    """Add ``-n``/``--limit`` with its default; more than any table holds is all there is."""
    tail = f" Default: {default}." if default is not None else ""
    return click.option(
        *("-n", "--limit"),
        type=click.IntRange(1),
        default=default,
        callback=lambda _, __, limit: limit and min(limit, EVERYTHING),
        help=f"{what}{tail}",
    )
