-- Three views of 0004 again. They leave out what is no ordinary run: the cursors that people set, which
-- are rows of runs and no runs, and backfills, which are exceptions and tell nothing of how their
-- script does. What they leave out is what sql/parts/is_ordinary.sql says; the errors of a backfill are
-- errors like any. runlog_step_durations answers for one run in the time of one run. Rights and
-- comments stay.

create or replace view runlog_script_health as
select
  script_name,
  count(*) as runs,
  count(*) filter (where status = 'success') as successful,
  count(*) filter (where status = 'error') as failed,
  count(*) filter (where status = 'running') as running,
  round(
    count(*) filter (where status = 'success')
    / nullif(count(*) filter (where status <> 'running'), 0)::numeric,
    4
  ) as success_rate,
  percentile_cont(0.5) within group (order by duration_ms)
    filter (where status = 'success') as median_duration_ms,
  percentile_cont(0.95) within group (order by duration_ms)
    filter (where status = 'success') as p95_duration_ms,
  sum(records_fetched) as records_fetched,
  sum(records_failed) as records_failed,
  sum(api_cost) as api_cost,
  (array_agg(status order by started_at desc))[1] as last_status,
  max(started_at) as last_started_at,
  max(finished_at) filter (where status = 'success') as last_success_at,
  now() - max(finished_at) filter (where status = 'success' and isfinite(finished_at))
    as age_of_last_success
from runs
where
  started_at > now() - interval '30 days'
  and started_at < 'infinity'
  and sync_mode is distinct from 'cursor'
  and metadata #>> '{runlog,backfill}' is distinct from 'true'
group by script_name;

create or replace view runlog_daily_statistics as
select
  (started_at at time zone 'UTC')::date as day,
  script_name,
  count(*) as runs,
  count(*) filter (where status = 'success') as successful,
  count(*) filter (where status = 'error') as failed,
  percentile_cont(0.5) within group (order by duration_ms)
    filter (where status = 'success') as median_duration_ms,
  percentile_cont(0.95) within group (order by duration_ms)
    filter (where status = 'success') as p95_duration_ms,
  sum(records_fetched) as records_fetched,
  sum(records_inserted) as records_inserted,
  sum(records_updated) as records_updated,
  sum(records_failed) as records_failed,
  sum(calls_analyzed) as calls_analyzed,
  sum(api_cost) as api_cost
from runs
where
  sync_mode is distinct from 'cursor'
  and metadata #>> '{runlog,backfill}' is distinct from 'true'
group by
  (started_at at time zone 'UTC')::date,
  script_name;

-- The run's id comes from the runs: a condition on it then reaches them before their entries are read.
create or replace view runlog_step_durations as
select
  runs.id as run_id,
  runs.script_name,
  runs.started_at,
  entry.step,
  count(*) as entries,
  count(*) filter (where entry.level = 'WARNING') as warnings,
  count(*) filter (where entry.level = 'ERROR') as errors,
  min(entry.timestamp) as first_at,
  max(entry.timestamp) as last_at,
  round(
    1000 * sum(
      extract(
        epoch from greatest(
          coalesce(
            entry.next_at,
            case runs.status
              when 'running' then now()
              else least(runs.finished_at, '9999-12-30')
            end
          ),
          entry.timestamp
        ) - entry.timestamp
      )
    )
  )::bigint as duration_ms
from runs
cross join lateral (
  select
    step,
    level,
    least(greatest(timestamp, '0001-01-02'), '9999-12-30') as timestamp,
    lead(least(greatest(timestamp, '0001-01-02'), '9999-12-30'))
      over (order by timestamp, id) as next_at
  from logs
  where run_id = runs.id
) as entry
where
  runs.sync_mode is distinct from 'cursor'
  and runs.metadata #>> '{runlog,backfill}' is distinct from 'true'
group by
  runs.id,
  runs.script_name,
  runs.started_at,
  entry.step;

do $runlog$
declare
  item text;
begin
  -- Before PostgreSQL 15 a view looks with the rights of its owner, whatever is wished.
  if current_setting('server_version_num')::integer >= 150000 then
    foreach item in array array[
      'runlog_script_health', 'runlog_daily_statistics', 'runlog_step_durations'
    ] loop
      execute format('alter view %I set (security_invoker = true)', item);
    end loop;
  end if;
end
$runlog$;
