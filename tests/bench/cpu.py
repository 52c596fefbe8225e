"""The CPU that a database server on this machine has used, all its processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from server import Server

_TICKS = os.sysconf("SC_CLK_TCK")
# Of /proc/<pid>/stat, counted behind the name, which may hold spaces: user and system, and then
# those of the children that have ended.
_PARENT, _TIMES, _TIMES_WITH_ENDED = 1, slice(11, 13), slice(11, 15)


def cpu_of_server(server: Server) -> float:
    """Return seconds: of the postmaster, of its processes, and of those that have ended."""
    with psycopg.connect(server.dsn) as connection:
        backend = _stat(Path(f"/proc/{connection.info.backend_pid}"))
        if not backend:
            raise RuntimeError("the server is not on this machine, so its CPU cannot be read")
        postmaster = backend[_PARENT]
        ticks = sum(map(int, _stat(Path(f"/proc/{postmaster}"))[_TIMES_WITH_ENDED]))
        for folder in Path("/proc").glob("[0-9]*"):
            fields = _stat(folder)
            if fields and fields[_PARENT] == postmaster:
                ticks += sum(map(int, fields[_TIMES]))
    return ticks / _TICKS


def _stat(folder: Path) -> list[str]:
    """Return what the kernel tells of a process, behind its name; nothing if it has ended."""
    try:
        return (folder / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    except OSError:
        return []
