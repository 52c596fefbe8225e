"""The address of the database for commands that may create what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runlog import embedded
from runlog._database import reading
from runlog._settings import EMBEDDED

if TYPE_CHECKING:
    from runlog._settings import Settings


def for_writing(settings: Settings) -> str:
    """Return the address as libpq takes it; the embedded server is made and started if need be.

    Raises:
        DatabaseUnavailableError: no database is named.
        EmbeddedError: the embedded server does not start.
    """
    if settings.dsn != EMBEDDED:
        return reading.address(settings.dsn)
    found = embedded.status()
    if not found.running:
        click.echo(f"runlog: starting the embedded PostgreSQL in {found.data_dir}", err=True)
    return embedded.ensure_running()
