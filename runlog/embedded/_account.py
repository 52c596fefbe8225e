"""The OS account that the embedded server runs as, and the folder that it has to reach.

Mostly that is whoever asks. PostgreSQL refuses to run as root, so for root it is another user's,
whom root need not trust: the folder stays root's, ``data`` and ``socket`` in it are the server's,
and root follows no link and believes no pid in these.
Runs on the thread that asks for a database.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlog.embedded._wheel import Binaries, copy_binaries
from runlog.errors import EmbeddedError

if TYPE_CHECKING:
    from pathlib import Path

# Of one program; initdb and recovery after a crash take long on a slow disk.
RUN_SECONDS = 70


@dataclass(frozen=True, slots=True)
class Account:
    """The OS account that the server runs as."""

    uid: int
    gid: int
    name: str

    def run(
        self, command: list[str | Path], *, folder: Path, inherited: tuple[int, ...] = ()
    ) -> None:
        """Run a program as this account.

        Args:
            command: the program and its arguments.
            folder: where it runs; the caller's own may be closed to this account.
            inherited: file descriptors that the program and its children keep.

        Raises:
            PermissionError: the folder or the program is closed to this account.
            subprocess.SubprocessError: it failed; with what it wrote to stderr.
        """
        is_other = os.geteuid() != self.uid
        subprocess.run(
            command,
            cwd=folder,
            # Not the caller's environment: it holds secrets, PG* changes what the server does,
            # and the server would carry it for as long as it lives.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            pass_fds=inherited,
            user=self.uid if is_other else None,
            group=self.gid if is_other else None,
            extra_groups=[] if is_other else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
            errors="replace",
            timeout=RUN_SECONDS,
        )

    def own(self, path: Path, mode: int) -> None:
        """Make a file or folder that only we can replace this account's."""
        path.chmod(mode)
        if os.geteuid() != self.uid:
            os.chown(path, self.uid, self.gid)


def get_account(home: Path) -> Account:
    """Who runs the server: oneself; for root the data's owner, or ``postgres``, or ``nobody``.

    Raises:
        EmbeddedError: root, and nobody fit to run it.
    """
    import pwd

    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), "")
    if home.exists() and home.stat().st_uid != 0:
        raise EmbeddedError(
            f"{str(home)!r} is not root's but belongs to user id {home.stat().st_uid}; "
            "run this as that user, or name another folder in RUNLOG_EMBEDDED_DIR"
        )
    data = home / "data"
    names = [data.owner()] if data.exists() else ["postgres", "nobody"]
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedError(
        f"PostgreSQL refuses to run as root: give {str(data)!r} to another user with chown -R"
        if data.exists()
        else "PostgreSQL refuses to run as root, and there is no user 'postgres' or 'nobody' to "
        "run it as; create one, or name a database in RUNLOG_DSN"
    )


def create_home(home: Path, account: Account) -> None:
    """Create the folder of one server, and missing parents; open to pass through for root's."""
    missing = [path for path in (home, *home.parents) if not path.exists()]
    if missing and os.geteuid() == 0:
        print(
            f"runlog: PostgreSQL refuses to run as root: the embedded server runs as user "
            f"{account.name!r}, with its data in {str(home)!r}",
            file=sys.stderr,
        )
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            path.chmod(0o755)


def make_reachable(home: Path, binaries: Binaries, account: Account) -> Binaries:
    """The same installation where the account can run it: a wheel in a closed folder is copied.

    Raises:
        EmbeddedError: ``home`` is closed to the account.
    """
    if os.geteuid() == account.uid:
        return binaries
    try:
        account.run(["/bin/sh", "-c", 'test -x "$1"', "sh", home], folder=home)
    except subprocess.CalledProcessError:
        above = (*reversed(home.parents), home)
        closed = next((path for path in above if not path.stat().st_mode & stat.S_IXOTH), home)
        raise EmbeddedError(
            f"{str(closed)!r} is closed to user {account.name!r}, who is to run the embedded "
            f"server in {str(home)!r}; name another folder in RUNLOG_EMBEDDED_DIR"
        ) from None
    try:
        account.run([binaries.folder / "postgres", "-V"], folder=home)
    except PermissionError:
        return copy_binaries(binaries, home)
    return binaries
