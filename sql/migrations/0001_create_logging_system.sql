-- runlog keeps the history of your scripts in two tables, for anyone who can write SQL.
--
--   runs   one row for each execution of a script: what ran, who started it, how it ended, how many
--          records it moved. The row exists from the start ('running') and is updated at the end.
--   logs   the steps of a run, in the order of (timestamp, id): level, step, message, JSON details.
--
-- Columns, defaults, checks, comments and index names are a contract: programs in other languages
-- read and write these tables too. runlog supplies the ids itself (UUIDv7, made at the moment of
-- the call), so that writing a row twice is one row.
--
-- No name here carries a schema: the tables land in the first schema of the search path. "runlog
-- migrate" sets that; by hand it is: psql -v ON_ERROR_STOP=1 -1 -f 0001_create_logging_system.sql
--
-- What exists already stays as it is, rows, columns and comments alike, so this file also runs on a
-- database that has the tables from elsewhere. There the indexes are built while writers wait; on a
-- very large table create them beforehand, by the same names, with "create index concurrently".
--
-- A file in this folder is never edited after its release; what changes comes as a further number.

-- An older table of this name used to number the runs; where its sequence is left, it counts on.
create sequence if not exists sync_logs_id_seq;

create table if not exists runs (
  -- Which run
  id uuid primary key default gen_random_uuid(),
  legacy_id bigint not null default nextval('sync_logs_id_seq'::regclass),
  batch_id uuid,

  -- What ran, and who started it
  script_name text not null,
  triggered_by text default 'manual',

  -- When
  started_at timestamptz default now(),
  finished_at timestamptz,
  duration_ms integer,

  -- How it ended
  status text not null check (status in ('running', 'success', 'error')),
  error_message text,

  -- What a sync moved, and the window it covers
  records_fetched integer,
  records_inserted integer,
  records_updated integer,
  records_failed integer,
  sync_mode text,
  sync_start_date timestamptz,
  sync_end_date timestamptz,

  -- What an analysis did
  calls_analyzed integer,
  api_cost numeric,

  -- Anything else
  metadata jsonb default '{}'
);

create table if not exists logs (
  id uuid primary key default gen_random_uuid(),
  run_id uuid not null references runs (id) on delete cascade,

  timestamp timestamptz not null default now(),
  level text not null check (level in ('INFO', 'ERROR', 'WARNING', 'DEBUG')),
  step text not null,
  message text not null,
  meta jsonb default '{}'
);

-- Comments are set only where there is none, so that nobody's own words are overwritten.
do $runlog$
declare
  wanted record;
begin
  for wanted in
    select item, wording
    from (values
      ('runs', null, 'Universal execution tracking for all cron jobs (sync, analysis, optimization)'),
      ('runs', 'id', 'UUID primary key for new records'),
      ('runs', 'legacy_id', 'Old integer ID from sync_logs (for backward compatibility)'),
      ('runs', 'batch_id', 'UUID for grouping related operations'),
      ('runs', 'script_name', 'Script type: hubspot-sync-incremental, hubspot-sync-full, etc'),
      ('runs', 'status', 'Execution status: running, success, error'),
      ('runs', 'sync_mode', 'Sync mode used: full, incremental, or auto'),
      ('runs', 'metadata', 'Flexible JSONB field for additional metrics'),
      ('logs', null, 'Detailed step-by-step logs for each run execution'),
      ('logs', 'run_id', 'Foreign key to runs.id (UUID)'),
      ('logs', 'level', 'Log level: INFO, ERROR, WARNING, DEBUG'),
      ('logs', 'step', 'Step name for categorization (START, FETCH, etc.)'),
      ('logs', 'message', 'Human-readable log message'),
      ('logs', 'meta', 'Additional structured data (e.g., {"count": 150})')
    ) as documented (table_name, column_name, wording)
    cross join lateral (
      select
        case
          when column_name is null then format('table %I', table_name)
          else format('column %I.%I', table_name, column_name)
        end as item,
        case
          when column_name is null then obj_description(to_regclass(table_name), 'pg_class')
          else (
            select col_description(attrelid, attnum)
            from pg_attribute
            where attrelid = to_regclass(table_name) and attname = column_name
          )
        end as existing
    ) as present
    where existing is null
  loop
    execute format('comment on %s is %L', wanted.item, wanted.wording);
  end loop;
end
$runlog$;

-- Which runs did this script have?
create index if not exists idx_runs_script_name on runs (script_name);

-- Which runs ended like this?
create index if not exists idx_runs_status on runs (status);

-- What ran lately?
create index if not exists idx_runs_started_at on runs (started_at desc);

-- Does this run have entries? (A delete of the run asks too, through the foreign key.)
create index if not exists idx_logs_run_id on logs (run_id);

-- Which entries have this level?
create index if not exists idx_logs_level on logs (level);

-- What was logged lately, by all scripts together?
create index if not exists idx_logs_timestamp on logs (timestamp desc);
