"""``runlog watch``: look whether all is well, and tell who wants to know."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from runlog._delivery.sweep import closer, reap
from runlog._entry.redaction.redactor import Redactor
from runlog._process.visible import visible
from runlog._spool.places import root
from runlog.cli._alert_changes import open_care
from runlog.cli._database import settings
from runlog.cli._failures import NotFoundError
from runlog.cli._options import AGE
from runlog.cli.alerts import config_option, find_channels
from runlog.cli.show.output import Output, page_options
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from pathlib import Path

    from runlog._settings import Settings
    from runlog.alerts import Look, Result, Watch

_EVERY = "60s"


class _Seen(NamedTuple):
    """What a look has opened or resolved, for the machine formats."""

    did: str
    script_name: str
    rule: str
    subject: str


@click.command("watch")
@click.option("--once", is_flag=True, help="Look once and end: for cron, timers, GitHub.")
@click.option("--every", type=AGE, help=f"How often. Default: {_EVERY}; with --once: unknown.")
@click.option("--name", metavar="NAME", help="What others know this watcher by: user@host.")
@click.option("--ping", "ping_url", metavar="URL", help="Called after each look that went well.")
@click.option("--dry-run", is_flag=True, help="Only say what would be opened and told.")
@click.option("--no-send", is_flag=True, help="Look, and leave the sending to others.")
@click.option("--forget", metavar="NAME", help="Expect no look of that watcher any more.")
@config_option
@page_options
@click.pass_context
def watch_command(
    context: click.Context,
    *,
    once: bool,
    every: timedelta | None,
    name: str | None,
    ping_url: str | None,
    dry_run: bool,
    no_send: bool,
    forget: str | None,
    config: str | None,
    output: Output,
) -> None:
    """Look whether all scripts do well, and tell who wants to know, each thing once.

    Any number of watchers may look, anywhere, at once. Whom to tell stands in RUNLOG_ALERT_URLS.

    \b
    */5 * * * *  runlog watch --once          in a crontab
    runlog watch                              in a service, each minute

    Exit codes with --once: 0 all was sent, 1 something was not, 2 usage, 3 no database.
    """  # noqa: D301 - click reads this mark
    chosen = settings()
    if forget is not None:
        with open_care() as care:
            if not care.forget(forget):
                raise NotFoundError(f"nobody knows a watcher {forget!r}")
        output.done([], _Seen, visible(f"forgotten: {forget}"))
        return
    if output.format == "json" and not (once or dry_run):
        raise click.UsageError("watching has no end, and JSON has one; use --format jsonl")
    if every is None and not once:
        every = AGE.convert(_EVERY, None, None)
    watch = _watch(chosen, name, every, ping_url, config, is_once=once or dry_run)
    if once or dry_run:
        options = {"is_dry": dry_run, "send": not no_send}
        context.exit(_told(_looked(watch, chosen, options), output, is_dry=dry_run))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    assert every is not None  # noqa: S101 - set above
    with _explained(chosen):
        watch.repeat(every, stop, lambda result: _told(result, output), send=not no_send)


def _watch(
    chosen: Settings,
    name: str | None,
    every: timedelta | None,
    ping_url: str | None,
    config: str | None,
    *,
    is_once: bool,
) -> Watch:
    from runlog.alerts import Watch, Watcher

    found, channels = find_channels(config)
    if not channels:
        click.echo("runlog: RUNLOG_ALERT_URLS is not set: nobody is told", err=True)
    redact = Redactor().redact_text if chosen.redact else str
    watcher = Watcher(name or _own_name(), found, tuple(channels), every, redact)
    return Watch(
        watcher,
        chosen,
        ping_url=_web_address(ping_url or os.environ.get("RUNLOG_PING_URL")),
        before=lambda connection: reap(connection, chosen.schema),
        state=_state(chosen) if is_once else None,
    )


def _web_address(url: str | None) -> str | None:
    """Return the address to ping; it is a secret, so a wrong one is not repeated."""
    if url and not url.lower().startswith(("https://", "http://")):
        told = "--ping, or RUNLOG_PING_URL, is no address of the web; write https://host/path"
        raise SettingError(told, name="ping")
    return url


def _own_name() -> str:
    repository = os.environ.get("GITHUB_REPOSITORY")
    if os.environ.get("GITHUB_ACTIONS") == "true" and repository:
        # Each runner is another host; the workflow is what stays.
        return f"github:{repository}/{os.environ.get('GITHUB_WORKFLOW', 'workflow')}"
    return closer()


def _state(chosen: Settings) -> Path | None:
    """Return where it is kept since when the database is away, between looks that are processes."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return None
    folder = root(chosen.spool_dir, os.environ)
    return folder / "watch-state.json" if folder else None


def _sentences(look: Look, seen: list[_Seen], would: str) -> Iterator[str]:
    for it in seen:
        subject = f" ({it.subject})" if it.subject else ""
        yield visible(f"{would}{it.did}: {it.script_name} {it.rule}{subject}")
    if look.told:
        yield f"{would}told: {look.told}"
    if look.delivered.sent:
        yield f"sent: {look.delivered.sent}"


def _looked(watch: Watch, chosen: Settings, options: dict[str, Any]) -> Result:
    with _explained(chosen):
        return watch.once(**options)


def _explained(chosen: Settings) -> AbstractContextManager[None]:
    from runlog.alerts import explained

    return explained(chosen.schema, chosen.dsn)


def _told(result: Result, output: Output, *, is_dry: bool = False) -> int:
    look = result.look
    seen = [
        _Seen(did, change.script_name, change.rule, change.subject)
        for did, changes in (("opened", look.opened), ("resolved", look.resolved))
        for change in changes
    ]
    output.done(seen, _Seen, *_sentences(look, seen, "would be " if is_dry else ""))
    for fault in look.faults:
        click.echo(visible(f"runlog: {fault}"), err=True)
    if result.said:
        click.echo(f"runlog: {visible(result.said)}", err=True)
    return result.code
