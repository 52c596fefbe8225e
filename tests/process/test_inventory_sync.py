"""The example that reads installed packages, with a fabricated site-packages folder."""

import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from kit.scripts import CHECKOUT, Script

EXAMPLE = CHECKOUT / "docs" / "examples" / "inventory_sync.py"
Connection = psycopg.Connection[tuple[object, ...]]

GOOD = """\
Metadata-Version: 2.1
Name: Good.Package
Version: 1.2.3
Summary: Does good
License-Expression: MIT
Requires-Dist: other>=1
Requires-Dist: third ; extra == "more"

A description.
"""
RECORD = """\
good.py,sha256=abc,120
good/data.bin,sha256=def,1000
good/gone.py,sha256=ghi,70000
good_package-1.2.3.dist-info/RECORD,,
"""


def load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inventory_sync", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


example = load_example()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site-packages folder with one package that has everything; a file of it was deleted."""
    folder = tmp_path / "site-packages"
    add(folder, "good", **{"data.bin": bytes(1000)})
    (folder / "good.py").write_bytes(b"#" * 120)
    add(folder, "good_package-1.2.3.dist-info", METADATA=GOOD, RECORD=RECORD, INSTALLER="pip\n")
    return folder


@pytest.fixture
def table(connection: Connection) -> Iterator[Connection]:
    """A connection to a database that has no inventory, before and after."""
    drop = "drop table if exists inventory_packages"
    connection.execute(drop)
    yield connection
    connection.execute(drop)


def add(site: Path, name: str, **files: str | bytes) -> Path:
    folder = site / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def metadata(name: str, *lines: str) -> str:
    return "\n".join([f"Name: {name}", "Version: 1", *lines, ""])


def test_reads_all_that_a_package_says(site: Path) -> None:
    """Every column has its place in the metadata; files that are listed and gone do not count."""
    folder = site / "good_package-1.2.3.dist-info"
    assert example.find_folders([site]) == {"good-package": folder}
    assert example.read_package("good-package", folder) == example.Package(
        name="good-package",
        version="1.2.3",
        summary="Does good",
        license="MIT",
        installer="pip",
        requires=["other>=1", 'third ; extra == "more"'],
        file_count=3,
        size_bytes=1120,
        fingerprint=example.fingerprint(folder),
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["License: BSD\n        Redistribution and use"], "BSD"),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "MIT License"),
        (["License: A\0B"], "A\N{REPLACEMENT CHARACTER}B"),
        (["License: " + "x" * 300], "x" * 100),
        (["Classifier: Topic :: Utilities"], None),
    ],
)
def test_finds_the_license(site: Path, lines: list[str], expected: str | None) -> None:
    """The licence is one short line, wherever the publisher put it."""
    folder = add(site, "a-1.dist-info", METADATA=metadata("a", *lines))

    assert example.read_package("a", folder).license == expected


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"METADATA": ""},
        {"METADATA": "Name: bad\n"},
        {"METADATA": b"Name: bad\nVersion: 1\nSummary: \xff\n"},
        {"METADATA": metadata("bad"), "RECORD": "bad.py,sha256=x,many\n"},
    ],
)
def test_counts_and_logs_what_it_cannot_read(
    site: Path, files: dict[str, str | bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """A broken folder is one ERROR with its traceback; the others are read all the same."""
    add(site, "bad-1.dist-info", **files)
    counts = example.Counts()

    with caplog.at_level(logging.ERROR, "inventory_sync"):
        packages = list(example.fetch(example.find_folders([site]), counts))

    assert [package.name for package in packages] == ["good-package"]
    assert counts == example.Counts(fetched=1, failed=1)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert (record.message, record.step) == ("Cannot read bad", "FETCH")  # type: ignore[attr-defined]


def test_warns_of_odd_metadata(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a publisher left out is a WARNING with the list, and the package is still taken."""
    add(site, "odd-x.egg-info", **{"PKG-INFO": "Name: odd\nVersion: x\n"})

    packages = list(example.fetch(example.find_folders([site]), example.Counts()))

    assert [package.name for package in packages] == ["good-package", "odd"]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            "odd has no license, no summary, no installer, no list of files, unusual version",
        )
    ]


def test_the_first_on_the_path_wins(
    site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A package that is there twice is taken as Python would import it, with a warning."""
    user_site = tmp_path / "user"
    add(user_site, "Good_Package-9.dist-info", METADATA=metadata("good.package"))

    found = example.find_folders([user_site, site, tmp_path / "missing"])

    assert found == {"good-package": user_site / "Good_Package-9.dist-info"}
    assert [record.getMessage() for record in caplog.records] == ["good-package is there twice"]


def test_the_fingerprint_follows_the_files(site: Path) -> None:
    """Any change to a file changes it; no change leaves it."""
    folder = site / "good_package-1.2.3.dist-info"
    first = example.fingerprint(folder)
    assert example.fingerprint(folder) == first
    os.utime(folder / "METADATA", ns=(1, 2**62))
    touched = example.fingerprint(folder)
    (folder / "INSTALLER").unlink()
    fewer = example.fingerprint(folder)

    assert len({first, touched, fewer, example.fingerprint(site / "gone.dist-info")}) == 4


def test_plans_only_what_changed(site: Path) -> None:
    """Incremental reads the new, the changed and the unreadable; both modes find the removed."""
    for name in ("changed", "new", "unreadable"):
        add(site, f"{name}-1.dist-info", METADATA=metadata(name))
    found = example.find_folders([site])
    known = {
        "good-package": example.fingerprint(found["good-package"]),
        "changed": "before",
        "unreadable": "",
        "gone": "before",
    }

    incremental = example.make_plan(found, known, incremental=True)
    full = example.make_plan(found, known, incremental=False)

    wanted = ["changed", "new", "unreadable"]
    assert (list(incremental.wanted), incremental.removed) == (wanted, ["gone"])
    assert (list(full.wanted), full.removed) == (sorted(found), ["gone"])
    assert (incremental.unchanged, full.unchanged) == (1, 0)


def test_asks_for_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an address the script says which ways there are, before it does anything."""
    with pytest.raises(SystemExit) as ended:
        example.parse_arguments([])

    assert ended.value.code == 2
    assert "give --database or set DATABASE_URL" in capsys.readouterr().err


def test_counts_inserted_updated_and_removed(site: Path, table: Connection) -> None:
    """The table follows the folder, and each number says what happened to rows."""

    def sync(mode: str) -> tuple[int, int, int, int]:
        counts = example.Counts()
        example.sync(table, "test", [site], mode, counts)
        return counts.fetched, counts.inserted, counts.updated, counts.failed

    add(site, "bad-1.dist-info")
    changing = add(site, "changing-1.dist-info", METADATA=metadata("changing"))
    assert sync("auto") == (2, 2, 0, 1)
    assert sync("auto") == (0, 0, 0, 1)
    add(site, "changing-1.dist-info", METADATA=metadata("changing", "Summary: more"))
    add(site, "new-1.dist-info", METADATA=metadata("new"))
    assert sync("incremental") == (2, 1, 1, 1)
    assert sync("full") == (3, 0, 3, 1)
    (changing / "METADATA").unlink()
    changing.rmdir()
    assert sync("auto") == (0, 0, 0, 1)

    rows = table.execute("select name, version, requires from inventory_packages order by name")
    assert rows.fetchall() == [
        ("good-package", "1.2.3", ["other>=1", 'third ; extra == "more"']),
        ("new", "1", []),
    ]


def test_runs_without_runlog_when_two_lines_are_removed(
    site: Path, database: str, table: Connection, run_script: Callable[..., Script]
) -> None:
    """The script is a whole script by itself: runlog is dropped in, not built in."""
    source = EXAMPLE.read_text()
    two_lines = '    import runlog\n\n    runlog.install("inventory-sync")\n'
    assert source.count(two_lines) == 1

    arguments = ["--database", database, "--path", site, "--environment", "here"]
    script = run_script(source.replace(two_lines, ""), *arguments, env={"PYTHONPATH": ""})

    assert script.exit_code == 0, script.stderr
    assert "[UPSERT] Stored all changes" in script.stderr.splitlines()
    rows = table.execute("select environment, name from inventory_packages").fetchall()
    assert rows == [("here", "good-package")]
