"""Databases for the browser: an empty one, a month, other programs' tables, hostile texts, a lot."""

import psycopg
from kit import html_corpus
from kit.rows import add_entry, add_run, ago
from kit.schema_tools import EARLIER, run

from runlog import migrate
from runlog.cli._demo_month import write_month

MANY = """
insert into runs (script_name, status, started_at, finished_at, duration_ms, records_fetched,
  records_failed, error_message, metadata)
select
  'script-' || lpad((n % 51)::text, 2, '0'), case when n % 23 = 0 then 'error' else 'success' end,
  at, at + interval '40 s', 1000 * (n % 60), n % 900, case when n % 31 = 0 then 3 end,
  case when n % 23 = 0 then 'HTTPError: 503 at page ' || n end, '{"runlog": {"host": "w1"}}'
from (
  select n, now() - interval '180 days' + interval '155.5 s' * n as at
  from generate_series(1, 100000) as n
) as moment;
insert into logs (run_id, timestamp, level, step, message, meta)
select
  id, started_at + interval '1 ms' * n,
  case when n % 997 = 0 then 'ERROR' when n % 50 = 0 then 'WARNING' else 'INFO' end,
  case when n < 900 then 'FETCH' else 'UPSERT' end,
  'fetched page ' || n || ' of the list of contacts, cursor ' || md5(n::text),
  case when n % 3 = 0 then '{"count": 100}'::jsonb else '{}' end
from runs, generate_series(1, {lines}) as n
where id = (select id from runs where script_name = '{script}' order by started_at desc limit 1);
"""
LONG = {"script-01": 5_000, "script-02": 20_000, "script-03": 20_400}
"""Scripts whose newest run has so many lines."""


def make_demo(dsn):
    """A month that looks real."""
    migrate.migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        write_month(connection, "public")
        connection.execute("analyze")


def make_empty(dsn):
    """Two tables without a row."""
    migrate.migrate(dsn)


def make_adopted(dsn):
    """The two tables as another program made and filled them."""
    run(dsn, EARLIER)
    run(
        dsn,
        """
        insert into runs (script_name, status, metadata, started_at) values
          ('hubspot-sync-full', 'success', null, null), ('vapi-sync', 'running', '[1]', now()),
          ('vapi-sync', 'error', '"x"', now() - interval '1 h'),
          ('qci-analysis', 'success', '{"runlog": "mine"}', now() - interval '2 d');
        insert into logs (run_id, level, step, message, meta)
          select id, level, 'FETCH', 'said by JavaScript', '{"count": 150}'
          from runs, (values ('INFO'), ('Error'), ('FATAL'), ('ERROR')) as word (level)
        """,
    )


def make_hostile(dsn):
    """Every text of the corpus in every column that holds one."""
    migrate.migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number, text in enumerate(html_corpus.TEXTS):
            run_id = add_run(
                connection,
                f"{text}{number}",
                status=("error", "running")[number % 5 == 0],
                triggered_by=text,
                error_message=text,
                sync_mode=text,
                metadata={text: text, "list": [text]},
                runlog={"host": text, "git_commit": text, "argv": [text], "github": {"url": text}},
                started_at=ago(minutes=number),
            )
            add_entry(
                connection, run_id, text, level="ERROR", step=text, meta={text: text, "stack": text}
            )


def make_large(dsn):
    """100,000 runs of 51 scripts, and runs of 5,000, 20,000 and 20,400 lines."""
    migrate.migrate(dsn)
    insert_runs, _, insert_lines = MANY.partition(";\n")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(insert_runs)
        connection.execute("analyze runs")
        for script, lines in LONG.items():
            statement = insert_lines.replace("{lines}", str(lines)).replace("{script}", script)
            connection.execute(statement)
        connection.execute("vacuum analyze runs, logs")


KINDS = {
    "empty": make_empty,
    "demo": make_demo,
    "adopted": make_adopted,
    "hostile": make_hostile,
    "large": make_large,
}
