-- How is each script doing? Its last run and last success come from the indexes, however long ago;
-- the figures are those of the runs that began in the period.
with {script_names},
wanted as (
    select name
    from script
    where
        name is not null
        and (%(script)s::text is null or name = %(script)s)
        and (%(script_like)s::text is null or name like %(script_like)s)
),
figures as (
    select
        script_name,
        count(*) as runs,
        count(*) filter (where status = 'success') as successful,
        count(*) filter (where status = 'error') as failed,
        percentile_cont(0.5) within group (order by duration_ms)
            filter (where status = 'success') as median_duration_ms,
        percentile_cont(0.95) within group (order by duration_ms)
            filter (where status = 'success') as p95_duration_ms,
        percentile_cont(0.5) within group (order by records_fetched)
            filter (where status = 'success') as usual_fetched,
        sum(records_fetched) as records_fetched,
        sum(records_inserted) as records_inserted,
        sum(records_updated) as records_updated,
        sum(records_failed) as records_failed,
        sum(calls_analyzed) as calls_analyzed,
        sum(api_cost) as api_cost,
        sum(duration_ms) filter (where records_fetched > 0) as duration_ms
    from {schema}.runs
    where
        started_at >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
        and {is_ordinary}
        and (%(script)s::text is null or script_name = %(script)s)
        and (%(script_like)s::text is null or script_name like %(script_like)s)
    group by script_name
)
select
    wanted.name as script_name,
    last_run.id as last_run_id,
    last_run.status as last_status,
    last_run.outcome as last_outcome,
    last_run.started_at as last_started_at,
    coalesce(
        last_run.duration_ms,
        case
            when last_run.finished_at between last_run.started_at and '9999-12-30'
                then least(1000 * extract(epoch from last_run.finished_at - last_run.started_at), 2147483647)
        end
    )::integer as last_duration_ms,
    last_run.records_failed as last_records_failed,
    last_run.error_message as last_error_message,
    last_run.heartbeat_at as last_heartbeat_at,
    last_run.heartbeat_interval as last_heartbeat_interval,
    -- Another program's success need not say when it ended.
    coalesce(
        last_success.finished_at,
        case when last_run.status = 'success' then last_run.started_at end
    ) as last_success_at,
    coalesce(figures.runs, 0) as runs,
    coalesce(figures.successful, 0) as successful,
    coalesce(figures.failed, 0) as failed,
    round(figures.successful / nullif(figures.successful + figures.failed, 0)::numeric, 4)
        as success_rate,
    figures.median_duration_ms,
    figures.p95_duration_ms,
    figures.usual_fetched,
    figures.records_fetched,
    figures.records_inserted,
    figures.records_updated,
    figures.records_failed,
    figures.calls_analyzed,
    figures.api_cost,
    figures.duration_ms,
    now() as read_at
from wanted
{last_of_wanted}
left join figures on figures.script_name = wanted.name
order by
    last_run.started_at desc,
    wanted.name
