-- A backfill is an exception and tells nothing of how its script does, as little as a cursor that a
-- person set: three views of 0006 again without either. What they leave out is what
-- sql/parts/is_ordinary.sql says. The errors of a backfill are errors like any: runlog_error_groups
-- shows them.
--
-- The procedure of 0006 too, in its own words but for those: a backfill is neither the newest run of a
-- script nor its newest success, and is kept for nothing but a cursor. Rights and comments stay.

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
  instead text;
  definition text := pg_get_functiondef('runlog_prune(interval, interval, integer)'::regprocedure);
begin
  -- Before PostgreSQL 15 a view looks with the rights of its owner, whatever is wished.
  if current_setting('server_version_num')::integer >= 150000 then
    foreach item in array array[
      'runlog_script_health', 'runlog_daily_statistics', 'runlog_step_durations'
    ] loop
      execute format('alter view %I set (security_invoker = true)', item);
    end loop;
  end if;

  for item, instead in
    select * from (values
      (
        $$metadata #>> '{runlog,cursor}' as cursor_name$$,
        $$metadata #>> '{runlog,cursor}' as cursor_name,
              sync_mode is distinct from 'cursor'
              and metadata #>> '{runlog,backfill}' is distinct from 'true' as is_ordinary$$
      ),
      ($$page.sync_mode = 'cursor'$$, $$not page.is_ordinary$$),
      (
        $$newer.sync_mode is distinct from 'cursor'$$,
        $$newer.sync_mode is distinct from 'cursor'
                    and newer.metadata #>> '{runlog,backfill}' is distinct from 'true'$$
      ),
      (
        $$newer.sync_mode is not distinct from page.sync_mode$$,
        $$newer.sync_mode is not distinct from page.sync_mode
                      and newer.metadata #>> '{runlog,backfill}' is distinct from 'true'$$
      )
    ) as worded (item, instead)
  loop
    if strpos(definition, item) = 0 then
      raise exception 'runlog_prune is not the one of migration 6: it does not hold %', item
        using hint = 'drop the procedure, delete version 6 from runlog_migrations, and migrate again';
    end if;
    definition := replace(definition, item, instead);
  end loop;
  execute definition;
end
$runlog$;
