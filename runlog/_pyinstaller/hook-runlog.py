# ruff: noqa: N999 - the name is PyInstaller's
"""Read by PyInstaller when a program imports runlog."""

from __future__ import annotations

from PyInstaller.utils.hooks import (  # type: ignore[import-untyped, unused-ignore]
    collect_data_files,
    collect_submodules,
)

datas = collect_data_files("runlog")
# Imported by names that are put together at run time, or first where they are needed.
hiddenimports = [
    name
    for package in ("runlog", "psycopg", "psycopg_binary", "psycopg_pool", "orjson")
    for name in collect_submodules(package, on_error="ignore")
]
