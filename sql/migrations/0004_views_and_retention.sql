-- What people and their tools ask of the two tables beyond rows: four views for BI programs and
-- Supabase Studio, two indexes for questions that had none, and a procedure for schedulers in the
-- database that deletes what is old.
--
-- The views look with the rights of who asks (security_invoker, PostgreSQL 15 and newer), so they
-- show nobody more than the tables would. Everything here is closed to PUBLIC and to Supabase's
-- anon and authenticated in any case; "grant select on runlog_script_health to ..." opens a view.
--
-- A view holds on to the columns that it reads: whoever changes the type of one drops the views
-- first, and gets them back by running this file again.
--
-- As in 0001 no name carries a schema, except inside the procedure, which is called later and from
-- anywhere: there the schema is the one in which this file ran.

-- Which runs belong to this batch?
create index if not exists idx_runs_batch_id on runs (batch_id, started_at)
where batch_id is not null;

-- Which errors were there lately, in all runs together? Holds nothing but errors.
create index if not exists idx_logs_errors_timestamp on logs (timestamp) where level = 'ERROR';

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
  now() - max(finished_at) filter (where status = 'success') as age_of_last_success
from runs
where started_at > now() - interval '30 days'
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
group by
  (started_at at time zone 'UTC')::date,
  script_name;

create or replace view runlog_error_groups as
select
  left(fingerprint, 12) as fingerprint,
  script_name,
  (array_agg(error_type order by timestamp desc))[1] as error_type,
  (array_agg(message order by timestamp desc))[1] as message,
  count(*) as errors,
  count(distinct run_id) as runs,
  min(timestamp) as first_seen,
  max(timestamp) as last_seen,
  (array_agg(run_id order by timestamp desc))[1] as last_run_id
from (
  select
    runs.script_name,
    logs.run_id,
    logs.timestamp,
    logs.meta ->> 'error_type' as error_type,
    left(logs.message, 500) as message,
    md5(
      concat_ws(
        e'\n',
        logs.meta ->> 'error_type',
        regexp_replace(
          split_part(left(logs.message, 500), e'\n', 1),
          '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|\m[0-9a-fA-F]{12,}\M|\d+',
          '*',
          'g'
        )
      )
    ) as fingerprint
  from logs
  join runs on runs.id = logs.run_id
  where logs.level = 'ERROR' and logs.timestamp > now() - interval '30 days'
) as error
group by
  error.fingerprint,
  script_name;

create or replace view runlog_step_durations as
select
  entry.run_id,
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
            case runs.status when 'running' then now() else runs.finished_at end
          ),
          entry.timestamp
        ) - entry.timestamp
      )
    )
  )::bigint as duration_ms
from runs
cross join lateral (
  select
    run_id,
    step,
    level,
    timestamp,
    lead(timestamp) over (order by timestamp, id) as next_at
  from logs
  where run_id = runs.id
) as entry
group by
  entry.run_id,
  runs.script_name,
  runs.started_at,
  entry.step;

do $runlog$
declare
  said record;
begin
  for said in
    select view_name, column_name, wording
    from (values
      ('runlog_script_health', null, 'How each script did over the last 30 days, one row a script'),
      ('runlog_script_health', 'script_name', 'runs.script_name'),
      ('runlog_script_health', 'runs', 'Runs that began in the last 30 days'),
      ('runlog_script_health', 'successful', 'Of these, how many succeeded'),
      ('runlog_script_health', 'failed', 'Of these, how many ended with an error'),
      ('runlog_script_health', 'running', 'Of these, how many have not ended'),
      ('runlog_script_health', 'success_rate', 'Successful runs among those that ended, 0 to 1'),
      ('runlog_script_health', 'median_duration_ms', 'Half of the successful runs took no longer'),
      ('runlog_script_health', 'p95_duration_ms', '95 of 100 successful runs took no longer'),
      ('runlog_script_health', 'records_fetched', 'Sum of records_fetched of all these runs'),
      ('runlog_script_health', 'records_failed', 'Sum of records_failed of all these runs'),
      ('runlog_script_health', 'api_cost', 'Sum of api_cost of all these runs'),
      ('runlog_script_health', 'last_status', 'Status of the newest run'),
      ('runlog_script_health', 'last_started_at', 'When the newest run began'),
      ('runlog_script_health', 'last_success_at', 'When a run last ended well, in these 30 days'),
      ('runlog_script_health', 'age_of_last_success', 'How long ago that was'),

      ('runlog_daily_statistics', null, 'Runs, durations and records, one row a day and script'),
      ('runlog_daily_statistics', 'day', 'The day in UTC on which the runs began'),
      ('runlog_daily_statistics', 'script_name', 'runs.script_name'),
      ('runlog_daily_statistics', 'runs', 'Runs that began on that day'),
      ('runlog_daily_statistics', 'successful', 'Of these, how many succeeded'),
      ('runlog_daily_statistics', 'failed', 'Of these, how many ended with an error'),
      ('runlog_daily_statistics', 'median_duration_ms', 'Half of the successful runs took no longer'),
      ('runlog_daily_statistics', 'p95_duration_ms', '95 of 100 successful runs took no longer'),
      ('runlog_daily_statistics', 'records_fetched', 'Sum of runs.records_fetched'),
      ('runlog_daily_statistics', 'records_inserted', 'Sum of runs.records_inserted'),
      ('runlog_daily_statistics', 'records_updated', 'Sum of runs.records_updated'),
      ('runlog_daily_statistics', 'records_failed', 'Sum of runs.records_failed'),
      ('runlog_daily_statistics', 'calls_analyzed', 'Sum of runs.calls_analyzed'),
      ('runlog_daily_statistics', 'api_cost', 'Sum of runs.api_cost'),

      ('runlog_error_groups', null, 'Errors of the last 30 days; those that differ in numbers only are one row a script'),
      ('runlog_error_groups', 'fingerprint', 'The same for the same kind of error, over scripts and time'),
      ('runlog_error_groups', 'script_name', 'runs.script_name'),
      ('runlog_error_groups', 'error_type', 'meta.error_type of the newest: the class of the exception'),
      ('runlog_error_groups', 'message', 'The newest message, its first 500 characters'),
      ('runlog_error_groups', 'errors', 'How many entries of level ERROR'),
      ('runlog_error_groups', 'runs', 'In how many runs'),
      ('runlog_error_groups', 'first_seen', 'When first, in these 30 days'),
      ('runlog_error_groups', 'last_seen', 'When last'),
      ('runlog_error_groups', 'last_run_id', 'The run in which it was last seen'),

      ('runlog_step_durations', null, 'How long each step of each run took; ask with a run_id or a range of started_at'),
      ('runlog_step_durations', 'run_id', 'runs.id'),
      ('runlog_step_durations', 'script_name', 'runs.script_name'),
      ('runlog_step_durations', 'started_at', 'runs.started_at'),
      ('runlog_step_durations', 'step', 'logs.step'),
      ('runlog_step_durations', 'entries', 'Entries of this step in this run'),
      ('runlog_step_durations', 'warnings', 'Of these, how many of level WARNING'),
      ('runlog_step_durations', 'errors', 'Of these, how many of level ERROR'),
      ('runlog_step_durations', 'first_at', 'When the step first said something'),
      ('runlog_step_durations', 'last_at', 'When it last did'),
      ('runlog_step_durations', 'duration_ms', 'From each entry of the step until the next entry of the run, summed')
    ) as documented (view_name, column_name, wording)
  loop
    if said.column_name is null then
      execute format('comment on view %I is %L', said.view_name, said.wording);
      -- Before PostgreSQL 15 a view looks with the rights of its owner, whatever is wished.
      if current_setting('server_version_num')::integer >= 150000 then
        execute format('alter view %I set (security_invoker = true)', said.view_name);
      end if;
    else
      execute format(
        'comment on column %I.%I is %L', said.view_name, said.column_name, said.wording
      );
    end if;
  end loop;
end
$runlog$;

-- call runlog_prune('30 days') deletes runs that began longer ago than that, with their entries:
--
--   select cron.schedule('runlog-prune', '15 3 * * *', $$call public.runlog_prune('30 days')$$);
--
-- Running ones stay, and so do the newest run of each script and, for each of its sync modes, the
-- newest success: they answer "how does it stand?" and "from where does the next sync go on?". With
-- logs_older_than the entries go earlier than their runs. It commits after each batch, so it holds
-- no locks for long and may be interrupted; it cannot be called inside a transaction. The same
-- rules as "runlog prune".
do $runlog$
declare
  strangers text;
  item text;
begin
  execute replace(
    $create$
      create or replace procedure {place}.runlog_prune(
        older_than interval,
        logs_older_than interval default null,
        batch integer default 5000
      )
      language plpgsql
      as $procedure$
      #variable_conflict use_variable
      declare
        runs_before constant timestamptz := now() - older_than;
        logs_before constant timestamptz := now() - least(logs_older_than, older_than);
        at timestamptz := '-infinity';
        last uuid := '00000000-0000-0000-0000-000000000000';
        candidates uuid[];
        gone bigint;
      begin
        if older_than < interval '0' or logs_older_than < interval '0' then
          raise invalid_parameter_value using message = 'runlog_prune needs intervals back from now';
        end if;

        loop
          -- The next runs in time; null when there are no more.
          select
            array_agg(id order by started_at, id),
            max(started_at)
          into candidates, at
          from (
            select id, started_at
            from {place}.runs
            where
              started_at < logs_before
              and status <> 'running'
              and (started_at, id) > (at, last)
            order by started_at, id
            limit 200
          ) as page;
          exit when candidates is null;
          last := candidates[array_length(candidates, 1)];

          select array_agg(id) into candidates
          from {place}.runs as run
          where
            id = any (candidates)
            and exists (
              select from {place}.runs as newer
              where
                newer.script_name = run.script_name
                and (newer.started_at, newer.id) > (run.started_at, run.id)
            )
            and (
              status <> 'success'
              or exists (
                select from {place}.runs as newer
                where
                  newer.script_name = run.script_name
                  and newer.status = 'success'
                  and newer.sync_mode is not distinct from run.sync_mode
                  and (newer.finished_at, newer.id) > (run.finished_at, run.id)
              )
            );

          loop
            delete from {place}.logs
            where id in (
              select id from {place}.logs where run_id = any (candidates) limit batch
            );
            get diagnostics gone = row_count;
            commit;
            exit when gone < batch;
          end loop;

          delete from {place}.runs
          where id = any (candidates) and started_at < runs_before and status <> 'running';
          commit;
        end loop;
      end
      $procedure$
    $create$,
    '{place}',
    quote_ident(current_schema())
  );
  comment on procedure runlog_prune(interval, interval, integer)
  is 'Deletes runs and entries older than this, in small batches; for pg_cron and other schedulers';

  select concat_ws(', ', 'public', string_agg(quote_ident(rolname), ', ')) into strangers
  from pg_roles
  where rolname in ('anon', 'authenticated');
  execute format(
    'revoke all on procedure runlog_prune(interval, interval, integer) from %s', strangers
  );
  foreach item in array array[
    'runlog_script_health', 'runlog_daily_statistics', 'runlog_error_groups', 'runlog_step_durations'
  ] loop
    execute format('revoke all on table %I from %s', item, strangers);
  end loop;
end
$runlog$;
