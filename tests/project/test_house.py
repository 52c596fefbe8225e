"""The house itself: what stands where, how long the files are, which way imports point."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runlog._settings import OTHER_VARIABLES, TABLE, variable

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(ROOT.glob("runlog/**/*.py"))
PYTHONS = ("python", "python3")
VISIBLE = {"pyproject.toml", "README.md", "runlog", "sql", "tests", "docs"}
_NO_TABLES = {"list_unique_indexes", "lock_script", "database_id", "find_tables"}
WAY_OF_AN_ENTRY = ("_capture", "_entry", "_spool", "_delivery")


def test_the_visible_top_level_is_as_promised():
    """Nothing visible stands beside the six things that the mission names."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    if not tracked:
        pytest.skip("not a git checkout")
    top = {path.split("/")[0] for path in tracked}
    assert {name for name in top if not name.startswith(".")} == VISIBLE


def test_no_source_file_is_longer_than_300_lines():
    """One noun a file: what grows longer has a second one inside."""
    tests = (ROOT / "tests").rglob("*.py")
    lengths = {path.name: len(path.read_text().splitlines()) for path in (*SOURCES, *tests)}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_the_way_of_an_entry_is_four_rooms_of_the_package():
    """The package's docstring names the four rooms in that order, and files that are there."""
    text = ast.get_docstring(ast.parse((ROOT / "runlog" / "__init__.py").read_text())) or ""
    rows = dict(re.findall(r"^ {4}(_\w+) .*\((.*)\)", text, re.MULTILINE))
    assert tuple(rows) == WAY_OF_AN_ENTRY
    named = [ROOT / "runlog" / room / f"{name}.py" for room, files in rows.items()
             for name in re.findall(r"``(\w+)``", files)]  # fmt: skip
    assert len(named) >= len(WAY_OF_AN_ENTRY)
    assert [path for path in named if not path.is_file()] == []


def test_every_room_says_at_its_door_what_lives_there():
    """Each folder of the package is a room with a docstring."""
    doors = [path for path in SOURCES if path.name == "__init__.py"]
    assert {path.parent for path in doors} == {path.parent for path in SOURCES}
    assert [path for path in doors if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_no_sql_is_composed_in_python():
    """SQL stands in sql/: no f-string in the package builds a statement."""
    verb = re.compile(
        r"^\s*(select|insert|update|delete|copy)\b.*\b(from|into|set|where)\b", re.IGNORECASE
    )
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
                if verb.search(text):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_every_sql_statement_of_the_writing_side_names_the_schema():
    """No statement depends on search_path, which a transaction pooler does not keep."""
    rooms = ("delivery", "sweep", "cursor", "overlap")
    for path in [path for room in rooms for path in (ROOT / "sql" / room).glob("*.sql")]:
        statement = re.sub(r"--.*", "", path.read_text())
        names = re.findall(
            r"(?:into|update|copy|from)\s+(\S*\b(?:runs|logs))\b", statement, re.IGNORECASE
        )
        assert names or path.stem in _NO_TABLES, path.name
        assert all(name.startswith("{schema}.") for name in names), path.name


def test_no_ordinary_string_of_sql_holds_a_backslash():
    """It means itself or is lost, as the session's standard_conforming_strings has it."""
    # The view of 0004 is replaced in 0009.
    paths = {path for path in (ROOT / "sql").rglob("*.sql") if path.name[:4] != "0004"}
    for path in paths:
        statement = re.sub(r"--.*|\be'(?:[^'\\]|\\.)*'", "", path.read_text(), flags=re.IGNORECASE)
        assert "\\" not in statement, path


def test_every_variable_of_the_environment_is_in_the_table():
    """What the code reads or hands down, doctor knows: it calls no variable of runlog's own meaningless."""
    known = {variable(name) for name in TABLE} | set(OTHER_VARIABLES)
    named = {
        name
        for path in SOURCES
        for name in re.findall(r"[\"' {](RUNLOG_[A-Z_]*[A-Z])\b", path.read_text())
    }
    assert named - known == set()


def test_sql_is_ascii():
    """It is sent to databases of any encoding, which refuse what they do not have."""
    assert [path for path in (ROOT / "sql").rglob("*.sql") if not path.read_text().isascii()] == []


def test_imports_point_one_way():
    """The contracts in pyproject.toml hold."""
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


def test_one_room_imports_the_driver():
    """Others take its names from ``_database.driver``; the embedded server, whom that room starts, cannot."""
    rooms = {
        path.relative_to(ROOT / "runlog").parts[0]
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name.split(".")[0] in {"psycopg", "psycopg_pool"}
    }
    assert rooms == {"_database", "embedded"}


def _imported(node):
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_the_names_of_the_driver_are_there_when_asked_for():
    """Each is the driver's own; the file by itself loads nothing, and knows no other name."""
    code = (
        "import sys\n"
        "from runlog._database import driver\n"
        "assert 'psycopg' not in sys.modules\n"
        "import psycopg\n"
        "assert driver.Error is psycopg.Error\n"
        "assert all(getattr(driver, name) for name in driver.__all__)\n"
        "assert not hasattr(driver, 'connect')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_tests_start_python_by_its_path():
    """A system may have no ``python``, and its ``python3`` has none of ours: it is ``sys.executable``."""
    found = []
    for path in sorted(ROOT.glob("tests/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.List | ast.Tuple | ast.Call):
                words = node.args if isinstance(node, ast.Call) else node.elts
                said = [word.value if isinstance(word, ast.Constant) else "" for word in words]
                found += [
                    f"{path.name}:{node.lineno}"
                    for before, word, after in zip(["", *said], said, [*said[1:], ""], strict=False)
                    if word in PYTHONS and (before == "--" or str(after).startswith("-"))
                ]
    assert found == []


def test_the_end_tells_the_order_and_why_tests_were_skipped(tmp_path):
    """Also with -q: the seed of the order, and the reason of each skip."""
    test = tmp_path / "test_skipped.py"
    test.write_text("import pytest\ndef test_it(): pytest.skip('there is no moon')\n")
    command = [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml"]
    said = subprocess.run(
        [*command, "-p", "kit.summary", "-p", "no:cacheprovider", "-p", "randomly", test],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    assert "there is no moon" in said
    assert re.search(r"^the same order again: pytest --randomly-seed=\d+$", said, re.MULTILINE)


def test_the_changelog_has_this_version():
    """The version that would be released is described."""
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert f"## {version[1]}" in (ROOT / "docs" / "CHANGELOG.md").read_text()


ASKING = {"is_interrupt", "tell_failure", "_head_of_now", "_last_resort"}
CALLERS = ("_capture", "_entry", "_run", "_recorder")
# On the shipper's thread, or at the exit, where no signal handler's exception is meant for a call.
_NOT_THE_CALLERS = {"open_runs.py", "registry.py"}


def test_who_swallows_an_error_in_a_call_asks_whether_it_is_the_programs():
    """What a signal handler raised, a timeout, goes on to where it was meant for."""
    silent = []
    paths = [path for path in SOURCES if path.parent.name in CALLERS]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            is_broad = isinstance(node, ast.ExceptHandler) and (
                isinstance(node.type, ast.Name) and node.type.id == "Exception"
            )
            if is_broad and path.name not in _NOT_THE_CALLERS:
                names = {getattr(each, "id", getattr(each, "attr", "")) for each in ast.walk(node)}
                if not names & ASKING:
                    silent.append(f"{path.name}:{node.lineno}")
    assert len(paths) > len(CALLERS)
    assert silent == []
