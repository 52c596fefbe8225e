"""The pages about reading back and deleting are in step with the code, and their code runs."""

import inspect
import re
from dataclasses import fields

import click
import psycopg
import pytest
from kit.rows import add_entry, add_run, ago
from kit.scripts import CHECKOUT

from runlog import queries
from runlog.cli import _COMMANDS, cli

PAGES = CHECKOUT / "docs"
MINE = sorted(set(_COMMANDS) - {"cursor", "reap", "close", "exec", "run"})


def blocks(page, language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL
    )


def test_every_command_is_on_the_page():
    """The page of the command line names every command."""
    page = (PAGES / "reference" / "cli.md").read_text()
    assert [name for name in _COMMANDS if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", MINE)
def test_every_option_is_on_the_page(name):
    """Each command's section, or what holds for all, names each of its options."""
    page = (PAGES / "reference" / "cli.md").read_text()
    command = cli.get_command(None, name)
    options = [p for p in command.params if isinstance(p, click.Option)]
    shared, _, sections = page.partition("## runs")
    section = f"\n## runs{sections}".partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    missing = [o.opts[-1] for o in options if o.opts[-1] not in section + shared]
    assert section
    assert missing == []


def test_every_query_and_field_is_on_the_page():
    """The page of the queries names each function with its arguments, and each row's fields."""
    lines = (PAGES / "reference" / "queries.md").read_text().splitlines()
    for name in queries.__all__:
        thing = getattr(queries, name)
        if inspect.isfunction(thing):
            [line] = [line for line in lines if line.startswith(f"| `{name}` |")]
            expected = set(inspect.signature(thing).parameters) - {"source", "schema"}
        elif name == "QueryError":
            continue
        else:
            [line] = [line for line in lines if line.startswith(f"- `{name}`:")]
            expected = {field.name for field in fields(thing)}
        told = set(re.findall(r"`(\w+)[=`]", line))
        assert expected <= told, name


@pytest.mark.parametrize(
    "page", ["how-to/read-back.md", "how-to/retention.md", "reference/queries.md"]
)
def test_python_of_the_pages_runs(page, run_script, connection, database):
    """Each Python block runs as it stands and ends well."""
    run_id = add_run(connection, "hubspot-sync", status="error", error_message="no such list")
    add_entry(connection, run_id, "no such list", level="ERROR")
    add_run(connection, "hubspot-sync", started_at=ago(hours=2))
    code = "\n".join(blocks(page, "python"))
    code += "\nif 'clean' in globals():\n    clean()\n"
    script = run_script(code, env={"RUNLOG_DSN": database})
    assert script.exit_code == 0, script.stderr
    assert script.stdout


def test_sql_of_the_pages_runs(connection):
    """The SQL that people are told to paste is right, but for what needs pg_cron."""
    run_id = add_run(connection, started_at=ago(days=40))
    for block in blocks("how-to/read-back.md", "sql"):
        connection.execute(block)
    [scheduled] = blocks("how-to/retention.md", "sql")
    call = re.search(r"\$\$(.*)\$\$", scheduled)[1]
    add_run(connection)
    connection.execute(call)
    assert connection.execute("select count(*) from runs where id = %s", [run_id]).fetchone() == (
        0,
    )


def test_views_are_those_of_the_page_and_answer(connection, database):
    """The four views of the page exist, every column has a comment, and they tell what happened."""
    page = (PAGES / "how-to" / "read-back.md").read_text()
    views = re.findall(r"^\| `(runlog_\w+)` \|", page, re.MULTILINE)
    query = """
        select relname::text, count(*), count(col_description(pg_class.oid, attnum))
        from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0
        where relkind = 'v' and relname like 'runlog%' group by 1"""
    described = connection.execute(query).fetchall()
    assert sorted(views) == sorted(name for name, _, _ in described)
    assert all(columns == comments for _, columns, comments in described)
    run_id = add_run(connection, "sync", started_at=ago(minutes=5), finished_at=ago(minutes=4))
    add_entry(connection, run_id, "page 7 broke", level="ERROR", timestamp=ago(minutes=5))
    with psycopg.connect(database) as reader:
        answers = {view: reader.execute(f"select * from {view}").fetchall() for view in views}
    assert answers["runlog_script_health"][0][:3] == ("sync", 1, 1)
    assert answers["runlog_daily_statistics"][0][1:4] == ("sync", 1, 1)
    assert answers["runlog_error_groups"][0][1:5] == ("sync", None, "page 7 broke", 1)
    assert answers["runlog_step_durations"][0][:2] == (run_id, "sync")
    assert answers["runlog_step_durations"][0][-1] == pytest.approx(60_000, abs=100)


def test_views_show_nobody_more_than_the_tables(connection, postgres):
    """Where the server has it, a view looks with the rights of whoever asks."""
    options = connection.execute(
        "select relname, reloptions from pg_class where relkind = 'v' and relname like 'runlog%'"
    ).fetchall()
    assert len(options) == 4
    expected = ["security_invoker=true"] if postgres.version >= 150000 else None
    assert all(option == expected for _, option in options)
