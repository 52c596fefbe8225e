"""Sync what is installed in a Python environment into PostgreSQL, one row for each distribution.

    python inventory_sync.py --database postgresql://localhost/mydb --mode auto

A full sync reads the metadata of every distribution; an incremental one reads only those whose
metadata changed on disk since they were stored. Both delete the rows of what was uninstalled.
"""

import argparse
import logging
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackagePath
from pathlib import Path
from typing import LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb

log = logging.getLogger("inventory_sync")

BATCH_SIZE = 200

CREATE_TABLE: LiteralString = """
create table if not exists inventory_packages (
    environment text not null,
    name        text not null,
    version     text not null,
    summary     text,
    license     text,
    installer   text,
    requires    jsonb not null,
    file_count  integer,
    size_bytes  bigint,
    fingerprint text not null,
    synced_at   timestamptz not null,
    primary key (environment, name)
)"""

# xmax is 0 in a row that this very statement has inserted.
UPSERT: LiteralString = """
insert into inventory_packages as stored
select * from jsonb_populate_recordset(null::inventory_packages, %s)
on conflict (environment, name) do update set
    version = excluded.version,
    summary = excluded.summary,
    license = excluded.license,
    installer = excluded.installer,
    requires = excluded.requires,
    file_count = excluded.file_count,
    size_bytes = excluded.size_bytes,
    fingerprint = excluded.fingerprint,
    synced_at = excluded.synced_at
returning stored.xmax = 0"""

DELETE: LiteralString = """
delete from inventory_packages where environment = %s and name = any(%s)"""

KNOWN: LiteralString = """
select name, fingerprint from inventory_packages where environment = %s"""


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    summary: str | None
    license: str | None
    installer: str | None
    requires: list[str]
    file_count: int | None
    size_bytes: int | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync has to do: folders to read, by name; names to delete; how many to leave."""

    wanted: dict[str, Path]
    removed: list[str]
    unchanged: int


@dataclass(slots=True)
class Counts:
    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    failed: int = 0


def find_folders(paths: Iterable[Path]) -> dict[str, Path]:
    """Return the metadata folder of each distribution; like Python, the first on the path wins."""
    found: dict[str, Path] = {}
    for path in paths:
        for folder in sorted([*path.glob("*.dist-info"), *path.glob("*.egg-info")]):
            name = re.sub(r"[-_.]+", "-", folder.stem.partition("-")[0]).lower()
            if found.setdefault(name, folder) != folder:
                meta = {"package": name, "used": str(found[name]), "ignored": str(folder)}
                log.warning("%s is there twice", name, extra={"step": "MERGE", "meta": meta})
    return found


def fingerprint(folder: Path) -> str:
    """Return a text that changes when a file of this folder does."""
    try:
        stats = [it.stat() for it in ([folder] if folder.is_file() else folder.iterdir())]
    except OSError:
        return ""  # never equal to a stored one: reading the folder will say what is wrong
    return f"{max((it.st_mtime_ns for it in stats), default=0)}:{sum(it.st_size for it in stats)}"


def make_plan(found: Mapping[str, Path], known: Mapping[str, str], *, incremental: bool) -> Plan:
    """Compare what is installed with the fingerprints that are known."""
    wanted = {
        name: folder
        for name, folder in sorted(found.items())
        if not incremental or not known.get(name) or known[name] != fingerprint(folder)
    }
    return Plan(wanted, sorted(known.keys() - found.keys()), len(found) - len(wanted))


def read_package(name: str, folder: Path) -> Package:
    """Read one metadata folder; raises whatever is wrong with it."""
    before = fingerprint(folder)  # taken first: a change while reading is seen next time
    distribution = Distribution.at(folder)
    fields = distribution.metadata.json if distribution.metadata else {}
    if not fields.get("name") or not fields.get("version"):
        raise ValueError(f"no name or no version in the metadata of {folder.name!r}")
    files = find_files(distribution)
    return Package(
        name=name,
        version=clean(fields["version"]) or "",
        summary=clean(fields.get("summary")),
        license=find_license(fields),
        installer=clean(distribution.read_text("INSTALLER")),
        requires=[clean(it) or "" for it in distribution.requires or []],
        file_count=None if files is None else len(files),
        size_bytes=None if files is None else sum(it.size or 0 for it in files),
        fingerprint=before,
    )


def find_files(distribution: Distribution) -> list[PackagePath] | None:
    """Return the listed files that are on disk, None without a list; Python 3.11 gives all."""
    listed = distribution.files
    return None if listed is None else [it for it in listed if Path(it.locate()).exists()]


def clean(value: object) -> str | None:
    """Return text that PostgreSQL stores (it has no NUL), or None if nothing is said."""
    text = str(value or "").replace("\0", "\N{REPLACEMENT CHARACTER}").strip()
    return None if text in ("", "UNKNOWN") else text


def find_license(fields: Mapping[str, str | list[str]]) -> str | None:
    """Return the licence's name; some packages put the whole text into the field."""
    said = clean(fields.get("license_expression")) or clean(fields.get("license"))
    if said:
        return said.splitlines()[0][:100]
    names = [it.split(" :: ") for it in fields.get("classifier", []) if it.startswith("License ::")]
    return ", ".join(name[-1] for name in names) or None


def list_oddities(package: Package) -> list[str]:
    """Say what a careful publisher would have filled in."""
    checks = {
        "no license": package.license is None,
        "no summary": package.summary is None,
        "no installer": package.installer is None,
        "no list of files": package.file_count is None,
        "unusual version": re.match(r"\d+(!\d+)?(\.\d+)*", package.version) is None,
    }
    return [oddity for oddity, is_so in checks.items() if is_so]


def fetch(wanted: Mapping[str, Path], counts: Counts) -> Iterator[Package]:
    """Read packages one by one; what cannot be read is logged, counted and left out."""
    for name, folder in wanted.items():
        try:
            package = read_package(name, folder)
        except Exception as error:  # a broken package must not stop the sync of the others
            counts.failed += 1
            meta = {"package": name, "folder": str(folder), "error": str(error)}
            log.exception("Cannot read %s", name, extra={"step": "FETCH", "meta": meta})
            continue
        counts.fetched += 1
        if oddities := list_oddities(package):
            odd = {"package": name, "version": package.version, "oddities": oddities}
            text = ", ".join(oddities)
            log.warning("%s has %s", name, text, extra={"step": "FETCH", "meta": odd})
        yield package


def load(connection: Connection, environment: str) -> dict[str, str]:
    """Return the fingerprint of each stored package; create the table if it is missing."""
    connection.execute(CREATE_TABLE)
    return dict(connection.execute(KNOWN, [environment]).fetchall())


def upsert(connection: Connection, environment: str, packages: list[Package]) -> tuple[int, int]:
    """Write all packages, one statement a batch; return how many were inserted and updated."""
    common = {"environment": environment, "synced_at": datetime.now(UTC).isoformat()}
    is_new: list[bool] = []
    for start in range(0, len(packages), BATCH_SIZE):
        batch = [asdict(it) | common for it in packages[start : start + BATCH_SIZE]]
        is_new += [row[0] for row in connection.execute(UPSERT, [Jsonb(batch)])]
        meta = {"offset": start, "count": len(batch)}
        log.info("Wrote %d packages", len(batch), extra={"step": "UPSERT", "meta": meta})
    return is_new.count(True), is_new.count(False)


def sync(
    connection: Connection, environment: str, paths: list[Path], mode: str, counts: Counts
) -> None:
    """Bring the table up to date with what is installed on `paths`."""
    known = load(connection, environment)
    incremental = mode == "incremental" or (mode == "auto" and bool(known))
    meta: dict[str, object] = {"environment": environment, "mode": mode, "known": len(known)}
    log.info("Loaded %d known packages", len(known), extra={"step": "LOAD", "meta": meta})

    plan = make_plan(find_folders(paths), known, incremental=incremental)
    meta = {"incremental": incremental, "to_read": len(plan.wanted), "unchanged": plan.unchanged}
    log.info("Reading %d distributions", len(plan.wanted), extra={"step": "FETCH", "meta": meta})
    packages = list(fetch(plan.wanted, counts))
    meta = {"count": counts.fetched, "failed": counts.failed}
    log.info("Fetched %d distributions", counts.fetched, extra={"step": "FETCH", "meta": meta})

    new = sum(it.name not in known for it in packages)
    meta = {"new": new, "changed": len(packages) - new, "removed": len(plan.removed)}
    log.info("Merged with the known packages", extra={"step": "MERGE", "meta": meta})

    with connection.transaction():
        inserted, updated = upsert(connection, environment, packages)
        connection.execute(DELETE, [environment, plan.removed])
    counts.inserted, counts.updated = inserted, updated
    meta = {**asdict(counts), "removed": len(plan.removed)}
    log.info("Stored all changes", extra={"step": "UPSERT", "meta": meta})


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sync installed Python packages to PostgreSQL.")
    database = os.environ.get("DATABASE_URL") or os.environ.get("RUNLOG_DSN")
    here = f"{socket.gethostname()}:{sys.prefix}"
    add = parser.add_argument
    add("--database", default=database, help="default: DATABASE_URL, then RUNLOG_DSN")
    add("--mode", choices=["full", "incremental", "auto"], default="auto", help="default: auto")
    add("--path", action="append", type=Path, help="a site-packages folder; default: sys.path")
    add("--environment", default=here, help="what to call the rows; default: %(default)s")
    parsed = parser.parse_args(arguments)
    if not parsed.database:
        parser.error("no database: give --database or set DATABASE_URL")
    return parsed


def tell_run(counts: Counts) -> None:
    """Put the counts on the run's row. Optional: runlog records the run without it."""
    try:
        import runlog
    except ImportError:
        return
    run = runlog.current_run()
    if run is not None:
        run.count(**asdict(counts))


def main() -> None:
    options = parse_arguments()
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("[%(step)s] %(message)s", defaults={"step": "LOG"}))
    logging.basicConfig(level=logging.INFO, handlers=[console])

    # These two lines are all of runlog; without them the script does the same, unrecorded.
    import runlog

    runlog.install("inventory-sync")

    counts = Counts()
    paths = options.path or [Path(it) for it in sys.path if it]
    try:
        # Nothing is prepared on the server, so a transaction pooler may stand in between.
        with Connection.connect(options.database, autocommit=True, prepare_threshold=None) as db:
            sync(db, options.environment, paths, options.mode, counts)
    finally:
        tell_run(counts)


if __name__ == "__main__":
    main()
