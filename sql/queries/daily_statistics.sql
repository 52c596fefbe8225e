-- How did runs, durations and records develop, day by day: of all scripts that match together, or
-- of each? Days are those of the time zone; a day without runs has no row.
select
    (started_at at time zone %(timezone)s)::date as day,
    case when %(by_script)s::boolean then script_name end as script_name,
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
from {schema}.runs
where
    started_at >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
    and (%(until)s::timestamptz is null or started_at < %(until)s)
    and {has_start}
    and {is_ordinary}
    and (%(script)s::text is null or script_name = %(script)s)
    and (%(script_like)s::text is null or script_name like %(script_like)s)
group by
    1,
    2
order by
    1,
    2
