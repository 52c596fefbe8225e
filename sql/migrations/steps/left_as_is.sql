-- How adopted tables differ from the documented ones, in words for a person. Nothing of this stops
-- runlog from writing, and nothing of it is changed.
with tables as (
  select
    named.table_name,
    to_regclass(named.table_name) as id
  from (values ('runs'), ('logs')) as named (table_name)
),
references_to_runs as (
  select conname, confdeltype
  from pg_constraint
  join pg_attribute on attrelid = conrelid and conkey = array[attnum]
  where contype = 'f' and attname = 'run_id'
    and conrelid = to_regclass('logs') and confrelid = to_regclass('runs')
),
differences (rank, said) as (
  select 1, 'logs.run_id has no foreign key: entries may belong to no run'
  where not exists (select from references_to_runs)

  union all

  select
    1,
    format('logs.run_id has no "on delete cascade" (constraint %I), so entries go before their run',
      conname)
  from references_to_runs
  where confdeltype <> 'c'

  union all

  select
    2,
    format('%s.%s has no check: any text passes', table_name, column_name)
  from (values ('runs', 'status'), ('logs', 'level')) as checked (table_name, column_name)
  join tables using (table_name)
  join pg_attribute on attrelid = id and attname = column_name
  where not exists (
    select from pg_constraint where conrelid = id and contype = 'c' and attnum = any (conkey)
  )

  union all

  select
    3,
    format('%s.%s is %s, documented is %s', table_name, column_name,
      format_type(atttypid, atttypmod), type)
  from (
    values
      ('runs', 'legacy_id', 'bigint'),
      ('runs', 'script_name', 'text'),
      ('runs', 'triggered_by', 'text'),
      ('runs', 'started_at', 'timestamp with time zone'),
      ('runs', 'finished_at', 'timestamp with time zone'),
      ('runs', 'duration_ms', 'integer'),
      ('runs', 'status', 'text'),
      ('runs', 'error_message', 'text'),
      ('runs', 'records_fetched', 'integer'),
      ('runs', 'records_inserted', 'integer'),
      ('runs', 'records_updated', 'integer'),
      ('runs', 'records_failed', 'integer'),
      ('runs', 'sync_mode', 'text'),
      ('runs', 'sync_start_date', 'timestamp with time zone'),
      ('runs', 'sync_end_date', 'timestamp with time zone'),
      ('runs', 'calls_analyzed', 'integer'),
      ('runs', 'api_cost', 'numeric'),
      ('runs', 'metadata', 'jsonb'),
      ('logs', 'timestamp', 'timestamp with time zone'),
      ('logs', 'level', 'text'),
      ('logs', 'step', 'text'),
      ('logs', 'message', 'text'),
      ('logs', 'meta', 'jsonb')
  ) as documented (table_name, column_name, type)
  join tables using (table_name)
  join pg_attribute on attrelid = id and attname = column_name
  where format_type(atttypid, atttypmod) <> type
)
select said
from differences
where (select adopted from runlog_migrations where version = 1)
order by rank, said;
