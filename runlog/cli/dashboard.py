"""``runlog dashboard``: the history in a browser."""

from __future__ import annotations

import ipaddress
import logging
import socket
from typing import TYPE_CHECKING, Any

import click

from runlog._process.distribution import pip_line
from runlog.cli._database import settings
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from uvicorn import Server

_HOST, _PORT = "127.0.0.1", 8787
# Streams end at once; what else is being answered gets so long.
_GRACE_SECONDS = 1


class DashboardError(RunlogError):
    """The dashboard cannot be served like this."""


@click.command("dashboard")
@click.option("--host", default=_HOST, show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=_PORT, show_default=True)
@click.option(
    "--token",
    envvar="RUNLOG_DASHBOARD_TOKEN",
    help="What one has to know to look; better as RUNLOG_DASHBOARD_TOKEN.",
)
@click.option(
    "--trust-proxy-user",
    "user_header",
    metavar="HEADER",
    help="A proxy in front checks who it is, and names the user in this header.",
)
@click.option("--no-auth", is_flag=True, help="Let everybody look who reaches the address.")
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="A name it may be called by."
)
@click.option("--root-path", default="", metavar="/PATH", help="Where a proxy shows it.")
@click.option("--timezone", default="UTC", show_default=True, help="Until a browser tells its own.")
def dashboard_command(**options: Any) -> None:
    """Serve the dashboard: what runs, what failed, what the log says, live.

    It reads the database of the other commands and never writes. Only this machine can reach it,
    unless --host says otherwise; then it asks for a token, or wants to be told that nobody or a
    proxy asks.
    """
    settings()
    serve(**options)


def serve_demo(address: str, schema: str, shown: str, port: int) -> None:
    """Write a month that looks real, let one script run, and serve until Ctrl-C."""
    from runlog import migrate
    from runlog._database import reading
    from runlog.cli._demo_live import running_script
    from runlog.cli._demo_month import write_month

    click.echo(f"runlog: writing a month of eight invented scripts to {shown}", err=True)
    for line in migrate.migrate(address, schema=schema):
        click.echo(f"runlog: {line}", err=True)
    with reading.connect(address) as connection:
        runs, entries = write_month(connection, schema)
    told = f"wrote {runs:,} runs and {entries:,} entries" if runs else "the month is there already"
    click.echo(f"runlog: {told}", err=True)
    with running_script(address, schema):
        serve(port=port, dsn=address)


def serve(
    *,
    dsn: str | None = None,
    host: str = _HOST,
    port: int = _PORT,
    token: str | None = None,
    user_header: str | None = None,
    no_auth: bool = False,
    hosts: tuple[str, ...] = (),
    root_path: str = "",
    timezone: str = "UTC",
) -> None:
    """Serve until Ctrl-C.

    Raises:
        DashboardError: the address may not be opened to others like this, or is taken.
    """
    root_path = f"/{root_path.strip('/')}".rstrip("/")
    _refuse_openness(host, is_closed=bool(token or user_header or no_auth))
    try:
        import uvicorn

        from runlog.dashboard import create_app
    except ImportError as error:
        raise DashboardError(
            f"the dashboard needs more packages: {pip_line('dashboard')} ({error.name} is missing)"
        ) from None
    listening = _listen(host, port)
    app = create_app(
        dsn,
        token=token or None,
        user_header=user_header,
        # A login page needs no check of names: its cookie belongs to one name.
        hosts=None if token else frozenset({host.lower(), *map(str.lower, hosts)}),
        timezone=timezone,
    )
    config = uvicorn.Config(
        app,
        root_path=root_path,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(user_header or root_path),
        timeout_graceful_shutdown=_GRACE_SECONDS,
        lifespan="on",
    )

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            # Not before: from here on Ctrl-C and requests find it ready.
            _say_where(listening, root_path, is_asked=bool(token))

    _run(Announced(config), listening)


def _run(server: Server, listening: socket.socket) -> None:
    # That answers are cut off by the end which was asked for is no news.
    logging.getLogger("uvicorn.error").addFilter(lambda _: not server.should_exit)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        # The wish, not a failure: uvicorn raises it again after it has ended well.
        pass
    finally:
        listening.close()


def _refuse_openness(host: str, *, is_closed: bool) -> None:
    if is_closed or _is_local(host):
        return
    raise DashboardError(
        f"--host {host!r} lets other machines look at every log line; give --token (or "
        "RUNLOG_DASHBOARD_TOKEN), --trust-proxy-user HEADER, or --no-auth if that is meant"
    )


def _is_local(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server((name, port), family=family, backlog=128)
    except OSError as error:
        raise DashboardError(
            f"cannot listen on {host}:{port} ({error.strerror or error}); "
            "give another --port, or 0 for any that is free"
        ) from None


def _say_where(listening: socket.socket, root_path: str, *, is_asked: bool) -> None:
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    told = " and asks for the token" if is_asked else ""
    if root_path:
        # The proxy takes its path away before it asks here.
        told += f", for a proxy that shows it under {root_path}/"
    click.echo(
        f"runlog: the dashboard is at http://{shown}:{port}/{told}; Ctrl-C ends it",
        err=True,
    )
