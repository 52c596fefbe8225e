-- How did each script do over the last 7 days (or another period)?
select
    script_name,
    count(*) as total_runs,
    count(*) filter (where status = 'success') as successful,
    count(*) filter (where status = 'error') as failed,
    avg(duration_ms) / 1000 as avg_duration_sec,
    sum(records_fetched) as total_records,
    max(started_at) as last_run
from {schema}.runs
where
    started_at > coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
    and (%(until)s::timestamptz is null or started_at < %(until)s)
    and {is_ordinary}
group by script_name
order by
    last_run desc,
    script_name
