"""What the tests of the schema share: tables made elsewhere, roles, and a look into the catalog."""

import contextlib
import secrets
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTED_INDEXES = [
    "idx_logs_level",
    "idx_logs_run_id",
    "idx_logs_timestamp",
    "idx_runs_script_name",
    "idx_runs_started_at",
    "idx_runs_status",
]
FURTHER_INDEXES = [
    "idx_logs_errors",
    "idx_logs_run_id_timestamp_id",
    "idx_runs_last_success",
    "idx_runs_running",
    "idx_runs_script_name_started_at",
]
FRESH = [
    "created the tables logs, runlog_migrations, runs",
    "created the sequence sync_logs_id_seq",
    "created the indexes " + ", ".join(DOCUMENTED_INDEXES),
    "created the indexes " + ", ".join(FURTHER_INDEXES),
    "applied migration 3 (close to strangers)",
    "created the indexes idx_logs_errors_timestamp, idx_runs_batch_id",
    (
        "created the views runlog_daily_statistics, runlog_error_groups, runlog_script_health,"
        " runlog_step_durations"
    ),
    (
        "created the tables runlog_channels, runlog_error_kinds, runlog_incidents, runlog_mutes,"
        " runlog_notifications, runlog_scripts, runlog_tellings, runlog_watchers"
    ),
    (
        "created the indexes idx_logs_alerts, idx_runlog_incidents_occasion,"
        " idx_runlog_incidents_open, idx_runlog_incidents_opened_at, idx_runlog_incidents_parent,"
        " idx_runlog_notifications_channel, idx_runlog_notifications_waiting,"
        " idx_runlog_tellings_notification"
    ),
    "applied migration 6 (ordinary runs)",
    "applied migration 7 (retention)",
    "applied migration 8 (name the database)",
    "applied migration 9 (group errors)",
]


RUN_ID = "0190c8a0-0000-7000-8000-000000000001"
ENTRY_ID = "0190c8a0-0000-7000-8000-000000000002"

# The migration that other programs were documented to apply, with its sequence made first.
DOCUMENTED = """
create sequence sync_logs_id_seq;
CREATE TABLE runs (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  legacy_id BIGINT NOT NULL DEFAULT nextval('sync_logs_id_seq'::regclass),
  batch_id UUID,
  script_name TEXT NOT NULL,
  triggered_by TEXT DEFAULT 'manual',
  started_at TIMESTAMPTZ DEFAULT now(),
  finished_at TIMESTAMPTZ,
  duration_ms INTEGER,
  status TEXT NOT NULL CHECK (status IN ('running', 'success', 'error')),
  error_message TEXT,
  records_fetched INTEGER,
  records_inserted INTEGER,
  records_updated INTEGER,
  records_failed INTEGER,
  sync_mode TEXT,
  sync_start_date TIMESTAMPTZ,
  sync_end_date TIMESTAMPTZ,
  calls_analyzed INTEGER,
  api_cost NUMERIC,
  metadata JSONB DEFAULT '{}'
);
COMMENT ON TABLE runs IS
  'Universal execution tracking for all cron jobs (sync, analysis, optimization)';
COMMENT ON COLUMN runs.id IS 'UUID primary key for new records';
COMMENT ON COLUMN runs.legacy_id IS 'Old integer ID from sync_logs (for backward compatibility)';
COMMENT ON COLUMN runs.batch_id IS 'UUID for grouping related operations';
COMMENT ON COLUMN runs.script_name IS
  'Script type: hubspot-sync-incremental, hubspot-sync-full, etc';
COMMENT ON COLUMN runs.status IS 'Execution status: running, success, error';
COMMENT ON COLUMN runs.sync_mode IS 'Sync mode used: full, incremental, or auto';
COMMENT ON COLUMN runs.metadata IS 'Flexible JSONB field for additional metrics';
CREATE TABLE logs (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  run_id UUID NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  timestamp TIMESTAMPTZ NOT NULL DEFAULT now(),
  level TEXT NOT NULL CHECK (level IN ('INFO', 'ERROR', 'WARNING', 'DEBUG')),
  step TEXT NOT NULL,
  message TEXT NOT NULL,
  meta JSONB DEFAULT '{}'
);
COMMENT ON TABLE logs IS 'Detailed step-by-step logs for each run execution';
COMMENT ON COLUMN logs.run_id IS 'Foreign key to runs.id (UUID)';
COMMENT ON COLUMN logs.level IS 'Log level: INFO, ERROR, WARNING, DEBUG';
COMMENT ON COLUMN logs.step IS 'Step name for categorization (START, FETCH, etc.)';
COMMENT ON COLUMN logs.message IS 'Human-readable log message';
COMMENT ON COLUMN logs.meta IS 'Additional structured data (e.g., {"count": 150})';
CREATE INDEX idx_runs_script_name ON runs(script_name);
CREATE INDEX idx_runs_status ON runs(status);
CREATE INDEX idx_runs_started_at ON runs(started_at DESC);
CREATE INDEX idx_logs_run_id ON logs(run_id);
CREATE INDEX idx_logs_level ON logs(level);
CREATE INDEX idx_logs_timestamp ON logs(timestamp DESC);
"""

# The document's first form of the two tables: no cascade, no check of levels, no indexes.
EARLIER = """
create sequence sync_logs_id_seq start 44;
create table runs (
  id uuid primary key default gen_random_uuid(),
  legacy_id bigint not null default nextval('sync_logs_id_seq'),
  batch_id uuid, script_name text not null, triggered_by text default 'manual',
  started_at timestamptz default now(), finished_at timestamptz, duration_ms integer,
  status text not null check (status in ('running', 'success', 'error')), error_message text,
  records_fetched integer, records_inserted integer, records_updated integer,
  records_failed integer, sync_mode text, sync_start_date timestamptz, sync_end_date timestamptz,
  calls_analyzed integer, api_cost numeric, metadata jsonb default '{}'
);
create table logs (
  id uuid primary key default gen_random_uuid(),
  run_id uuid not null references runs(id),
  timestamp timestamptz not null default now(),
  level text not null, step text not null, message text not null, meta jsonb default '{}'
);
comment on column logs.level is 'our own words';
"""

ROWS = f"""
insert into runs (id, script_name, status) values ('{RUN_ID}', 'hubspot-sync-full', 'success');
insert into logs (id, run_id, level, step, message)
values ('{ENTRY_ID}', '{RUN_ID}', 'INFO', 'END', 'Sync completed');
"""

_CATALOG = {
    "columns": """
        select table_name, ordinal_position, column_name, data_type, is_nullable, column_default,
            col_description(to_regclass(quote_ident(table_name)), ordinal_position),
            -- Without the id of the database.
            regexp_replace(
                obj_description(to_regclass(quote_ident(table_name)), 'pg_class'),
                '[0-9a-f-]{36}$', ''
            )
        from information_schema.columns where table_schema = current_schema() order by 1, 2""",
    "constraints": """
        select conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = quote_ident(current_schema())::regnamespace
            and contype <> 'n' order by 1, 2""",
    "indexes": "select indexname, indexdef from pg_indexes"
    " where schemaname = current_schema() order by 1",
    "relations": """
        select relname, relkind, relrowsecurity, relforcerowsecurity, relacl::text
        from pg_class where relnamespace = quote_ident(current_schema())::regnamespace
        order by 1""",
    "columns' rights": """
        select attrelid::regclass::text, attname, attacl::text from pg_attribute
        join pg_class on pg_class.oid = attrelid
        where relnamespace = quote_ident(current_schema())::regnamespace
            and attacl is not null
        order by 1, 2""",
    "policies": "select tablename, policyname, cmd, roles, qual, with_check from pg_policies"
    " where schemaname = current_schema() order by 1, 2",
    "applied": "select version, name, checksum, adopted from runlog_migrations order by 1",
}


def connect(dsn: str, *, schema: str = "public", role: str | None = None) -> psycopg.Connection:
    """An autocommit connection whose unqualified names mean ``schema``, acting as ``role``."""
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute(sql.SQL("set search_path to {}").format(sql.Identifier(schema)))
    if role is not None:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    return connection


def run(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def dump_catalog(dsn: str, schema: str = "public") -> dict[str, list[tuple]]:
    """Everything that makes the schema what it is, but for object ids and moments."""
    with connect(dsn, schema=schema) as connection:
        return {name: connection.execute(query).fetchall() for name, query in _CATALOG.items()}


def dump_rows(dsn: str) -> tuple[list[tuple], list[tuple]]:
    with connect(dsn) as connection:
        return (
            connection.execute("select xmin, * from runs order by id").fetchall(),
            connection.execute("select xmin, * from logs order by id").fetchall(),
        )


@contextlib.contextmanager
def temporary_roles(dsn: str, *names: str) -> "Iterator[None]":
    """Make roles that are not there yet, and drop those; databases that use them must be gone."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        made = [
            sql.Identifier(name)
            for name in names
            if not admin.execute("select from pg_roles where rolname = %s", [name]).fetchone()
        ]
        for name in made:
            admin.execute(sql.SQL("create role {}").format(name))
        try:
            yield
        finally:
            for name in made:
                admin.execute(sql.SQL("drop role {}").format(name))


def unique_role(purpose: str) -> str:
    """A name that needs quoting and that no other test uses: roles belong to the whole server."""
    return f'{purpose} "{secrets.token_hex(4)}" %s'


def make_documented(dsn: str, where: str) -> dict[str, list[tuple]]:
    """The catalog of the documented tables alone, in a schema of their own."""
    run(dsn, f"create schema {where}; set search_path to {where}; {DOCUMENTED}")
    return dump_catalog_of_tables(dsn, where)


def dump_catalog_of_tables(dsn: str, schema: str) -> dict[str, list[tuple]]:
    run(dsn, f"create table if not exists {schema}.runlog_migrations as select 1 version,"
             " '' name, '' checksum, false adopted")  # fmt: skip
    dump = dump_catalog(dsn, schema)
    return {
        "columns": [row for row in dump["columns"] if row[0] in {"logs", "runs"}],
        "constraints": [row for row in dump["constraints"] if row[0] in {"logs", "runs"}],
        "indexes": [
            (name, definition.replace(f"{schema}.", ""))
            for name, definition in dump["indexes"]
            if name in DOCUMENTED_INDEXES
        ],
    }
