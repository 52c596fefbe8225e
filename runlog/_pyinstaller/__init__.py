"""What PyInstaller has to know of runlog to freeze a program: the SQL files, and psycopg's modules.

Found by the entry point ``pyinstaller40``; never imported at run time.
https://pyinstaller.org/en/stable/hooks.html
"""

from __future__ import annotations

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """Return the folder of the hook."""
    return [str(Path(__file__).parent)]
