"""What can be examined without a database: settings, variables, the spool."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

from runlog import embedded
from runlog._checks.finding import Finding
from runlog._database import dsn as _dsn
from runlog._readable import plural, size
from runlog._settings import EMBEDDED, OTHER_VARIABLES, TABLE, Settings, resolve, variable
from runlog._spool import places
from runlog._spool.dead_letter_file import find_dead_letters
from runlog._spool.inventory import list_databases, list_spools, newer_note
from runlog.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SECRET_SETTINGS = frozenset({"dsn", "redact_patterns", "redact_callback"})


def examine_variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Return which settings come from variables, which are unusable, and which mean nothing."""
    known = {variable(name) for name in TABLE} | set(OTHER_VARIABLES)
    for name in sorted(environ):
        if name.startswith("RUNLOG_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {close[0]}?" if close else "unset it"
            yield Finding(
                check="variable", state="warning", found=f"{name} means nothing", remedy=remedy
            )
    for setting in TABLE:
        name = variable(setting)
        if name in environ and setting != "dsn":
            yield _examine_variable(setting, environ[name])


def _examine_variable(setting: str, text: str) -> Finding:
    shown = "set" if setting in _SECRET_SETTINGS else f"{text!r}"
    try:
        resolve({}, environ={variable(setting): text}, strict=True)
    except SettingError as error:
        return Finding(
            check=setting, state="problem", found=str(error), remedy=f"correct {variable(setting)}"
        )
    if setting == "enabled" and not resolve({}, environ={variable(setting): text}).enabled:
        found, remedy = "recording is switched off", f"unset {variable(setting)}"
        return Finding(check=setting, state="warning", found=found, remedy=remedy)
    return Finding(check=setting, state="ok", found=f"{shown}, from {variable(setting)}")


def examine_address(chosen: Settings, environ: Mapping[str, str]) -> Finding:
    """Return which database is meant, and what says so."""
    dsn = chosen.dsn
    if dsn is None:
        found, _, remedy = _dsn.no_database().partition("; ")
        return Finding(check="address", state="problem", found=found, remedy=remedy)
    if not _dsn.is_address(dsn):
        found, _, remedy = _dsn.not_understood(dsn).partition("; ")
        return Finding(check="address", state="problem", found=found, remedy=remedy)
    origin = next(
        (name for name in ("RUNLOG_DSN", "DATABASE_URL") if environ.get(name, "").strip()), None
    )
    if origin is None:
        origin = "libpq's own variables" if dsn == "" else "nothing else being named"
    shown = _dsn.shown(dsn, environ)
    return Finding(check="address", state="ok", found=f"{shown}, from {origin}")


def examine_embedded(chosen: Settings) -> Iterator[Finding]:
    """Return how the embedded server stands, where it is the one."""
    if chosen.dsn != EMBEDDED:
        return
    found = embedded.status()
    if found.version is None:
        yield Finding(
            check="embedded server",
            state="problem",
            found=f"never started in {found.data_dir}",
            remedy='"runlog demo" or "runlog embedded start" makes it',
        )
    else:
        state = (
            f"running, process {found.pid}" if found.running else "not running; starts when needed"
        )
        yield Finding(check="embedded server", state="ok", found=f"{state}, in {found.data_dir}")


def examine_spools(chosen: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Return where entries wait, and what nobody has delivered."""
    root = places.root(chosen.spool_dir, environ)
    if root is None:
        yield Finding(
            check="spool",
            state="problem",
            found="no folder can be written: a killed script loses its last entries",
            remedy="name a folder in RUNLOG_SPOOL_DIR",
        )
        return
    usage = os.statvfs(root) if hasattr(os, "statvfs") else None
    free = f", {size(usage.f_bavail * usage.f_frsize)} free" if usage else ""
    yield Finding(check="spool", state="ok", found=f"{root}{free}")
    for folder in list_databases(root):
        spools = list_spools(folder)
        yield from (
            Finding(
                check="waiting",
                state="warning",
                found=newer_note(spool),
                remedy="upgrade runlog-pg here",
            )
            for spool in spools
            if spool.process == "newer"
        )
        if waiting := [spool for spool in spools if spool.is_orphaned]:
            what = plural(sum(spool.entries for spool in waiting), "entry")
            yield Finding(
                check="waiting",
                state="warning",
                found=f"{what}, whose processes are gone, for {folder.name}",
                remedy=_how_delivered(folder, chosen, environ),
            )
        if letters := find_dead_letters(folder):
            were = plural(letters.letters, "entry was", "entries were")
            yield Finding(
                check="dead letters",
                state="warning",
                found=f"{were} refused; the last: {letters.last_reason}",
                remedy=f'mend the cause, then "runlog spool retry"; they are in {letters.path}',
            )


def _how_delivered(folder: Path, chosen: Settings, environ: Mapping[str, str]) -> str:
    """Return who delivers what waits in ``folder``, which may be another database's."""
    address = chosen.dsn or ""
    own = _dsn.folder_name(address, chosen.schema, environ)
    former, is_certain = _dsn.former_folder_name(address, chosen.schema, environ)
    if folder.name == former and not is_certain:
        # Every user of that pooler had the same folder: only a person can know.
        place = folder.parent / own
        return f"made by runlog 0.1.0; move what belongs to this database to {place}"
    is_here = folder.name in {own, former}
    return 'run "runlog flush"' + ("" if is_here else ", with RUNLOG_DSN naming that database")
