"""What the main program is called, however Python was given it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipapp

import pytest

SOURCE = "from runlog._process.origin import script_name; print(ascii(script_name()))"


@pytest.fixture
def called(tmp_path):
    """``called(*arguments)`` → the name that a program started so finds."""
    for folder in ("invoices", "package"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__main__.py").write_text(SOURCE)
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "module.py").write_text(SOURCE)
    (tmp_path / "plain.py").write_text(SOURCE)
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text(SOURCE)
    zipapp.create_archive(tmp_path / "invoices", tmp_path / "orders.pyz")

    def call(*arguments, **options):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60, **options,
        )  # fmt: skip
        return done.stdout.splitlines()[0].strip("'")

    return call


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["plain.py"], "plain"),
        (["invoices"], "invoices"),
        (["invoices/__main__.py"], "invoices"),
        (["orders.pyz"], "orders"),
        (["-m", "plain"], "plain"),
        (["-m", "package"], "package"),
        (["-m", "package.module"], "package.module"),
        (["-m", "cProfile", "plain.py"], "plain"),
        (["-c", SOURCE], "python"),
        ([b"caf\xe9.py"], r"caf\\udce9"),
    ],
    ids=str,
)
def test_a_program_has_the_name_of_its_file_or_module(called, arguments, name):
    """A zip file, a folder and a profiler's script too; never ``__main__``."""
    assert called(*arguments) == name


def test_a_program_from_a_pipe_has_no_file(called):
    """``python -`` and ``python <(…)``: what a shell makes up is no name."""
    assert called("-", input=SOURCE) == "python"
    read, write = os.pipe()
    os.write(write, SOURCE.encode())
    os.close(write)
    assert called(f"/dev/fd/{read}", pass_fds=[read]) == "python"
    os.close(read)
