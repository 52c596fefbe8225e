"""Programs of other people, as they come from the index, under `runlog run`: recorded, unchanged."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Program:
    """A module to run in a folder with some files, and what it is known to log."""

    module: str
    arguments: list[str]
    logged: list[tuple[str, str]]
    at_least: int
    files: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0


PROGRAMS = {
    "pip": Program(
        "pip",
        ["install", "--no-index", "--dry-run", "-v", "there-is-no-such-package"],
        [("ERROR", "No matching distribution found for there-is-no-such-package")],
        at_least=3,
        exit_code=1,
    ),
    "mkdocs": Program(
        "mkdocs",
        ["build", "-v", "--strict"],
        [("WARNING", "'nowhere.md'"), ("DEBUG", "Reading: index.md"), ("INFO", "Cleaning")],
        at_least=50,
        files={
            "mkdocs.yml": "site_name: Test\n",
            "docs/index.md": "# Index\n[broken](nowhere.md) and [b](a.md#x)\n",
            "docs/a.md": "# A\n",
        },
        exit_code=1,
    ),
    "sphinx": Program(
        "sphinx",
        [".", "build", "-v"],
        [("WARNING", "undefined label: 'nowhere'"), ("INFO", "build succeeded")],
        at_least=30,
        files={
            "conf.py": "project = 'x'\n",
            "index.rst": "Title\n=====\n\n:ref:`nowhere`\n\n.. image:: no.png\n",
            "other.rst": "Orphan\n",
        },
    ),
    "scrapy": Program(
        "scrapy",
        ["runspider", "spider.py"],
        [("WARNING", "parsed file://"), ("DEBUG", "Scraped from"), ("INFO", "Spider closed")],
        at_least=20,
        files={
            "page.html": "<ul><li>a<li>b<li>c</ul>",
            "spider.py": """
                import pathlib, scrapy

                class Spider(scrapy.Spider):
                    name = "s"
                    start_urls = [pathlib.Path(__file__).with_name("page.html").as_uri()]
                    custom_settings = {"TELNETCONSOLE_ENABLED": False, "EXTENSIONS": {
                        "scrapy.extensions.remote_control.RemoteControl": None}}

                    def parse(self, response):
                        for text in response.css("li::text").getall():
                            yield {"text": text}
                        self.logger.warning("parsed %s", response.url)
            """,
        },
    ),
    "luigi": Program(
        "luigi",
        ["--module", "tasks", "Count", "--n", "4", "--local-scheduler"],
        [("ERROR", "failed    Count(n=3)"), ("INFO", "done      Count(n=2)")],
        at_least=40,
        files={
            "tasks.py": """
                import luigi

                class Count(luigi.Task):
                    n = luigi.IntParameter()

                    def output(self):
                        return luigi.LocalTarget(f"out/{self.n}.txt")

                    def requires(self):
                        return [Count(self.n - 1)] if self.n else []

                    def run(self):
                        if self.n == 3:
                            raise ValueError("three")
                        with self.output().open("w") as out:
                            out.write("x")
            """
        },
    ),
    "pelican": Program(
        "pelican",
        ["content", "-s", "pelicanconf.py", "-D"],
        [("ERROR", "Skipping"), ("DEBUG", "Pelican version")],
        at_least=50,
        files={
            "content/a.md": "Title: T\nDate: 2020-01-01\n\nText\n",
            "content/b.md": "no title\n",
            "pelicanconf.py": "AUTHOR = 'a'\nSITENAME = 's'\nPATH = 'content'\nTIMEZONE = 'UTC'\n",
        },
    ),
    "snakemake": Program(
        "snakemake",
        ["--cores", "1"],
        [("INFO", "Finished jobid"), ("INFO", "Job stats")],
        at_least=15,
        files={
            "Snakefile": """
                rule all:
                    input: "b.txt"
                rule a:
                    output: "a.txt"
                    run: open(output[0], "w").write("a")
                rule b:
                    input: "a.txt"
                    output: "b.txt"
                    run: open(output[0], "w").write("b")
            """
        },
    ),
}


def run(program, folder, *before, **env):
    """Run it in a new folder of files; return exit code, stdout and stderr without what varies."""
    folder.mkdir()
    for name, text in program.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    result = subprocess.run(
        [sys.executable, *before, "-m", program.module, *program.arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT),
             "PYTHONHASHSEED": "0", "COLUMNS": "200", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )  # fmt: skip
    shown = [_without_what_varies(text, folder) for text in (result.stdout, result.stderr)]
    return result.returncode, *shown


def _without_what_varies(text, folder):
    text = text.replace(str(folder), "FOLDER")
    # Times, durations, process ids, addresses, random names of jobs; rich leaves out the time of
    # a line when it is that of the line before.
    text = re.sub(r"^(\[\d\d:\d\d:\d\d\]| {10})(?= [A-Z]| {2,})", "TIME", text, flags=re.MULTILINE)
    text = re.sub(r"\b(0x)?[0-9a-f]*\d[0-9a-f]*(-[0-9a-f]+)*\b", "N", text)
    return re.sub(r"\d+", "N", text)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", PROGRAMS)
def test_an_unmodified_program_is_recorded_and_unchanged(database, connection, tmp_path, name):
    """Its records are entries; stdout, stderr and exit code are what they are without runlog."""
    program = PROGRAMS[name]
    if importlib.util.find_spec(program.module) is None:
        pytest.skip(f"{name} is not installed")
    # Of the same length: rich lays lines out by it.
    alone = run(program, tmp_path / "alone")
    env = {"RUNLOG_DSN": database, "RUNLOG_SPOOL_DIR": str(tmp_path / "spool")}
    recorded = run(program, tmp_path / "along", "-m", "runlog", "run", **env)
    assert recorded == alone
    assert alone[0] == program.exit_code
    ((script_name, status, error_message),) = connection.execute(
        "select script_name, status, error_message from runs"
    ).fetchall()
    expected = (
        ("error", f"exit code {program.exit_code}") if program.exit_code else ("success", None)
    )
    assert (script_name, status, error_message) == (program.module, *expected)
    entries = connection.execute("select level, message from logs").fetchall()
    assert len(entries) >= program.at_least
    for level, part in program.logged:
        assert [message for found, message in entries if found == level and part in message], part
