-- What is usual for a script: the medians of its newest successes that began before this moment.
select
    count(*) as runs,
    percentile_cont(0.5) within group (order by duration_ms) as duration_ms,
    percentile_cont(0.95) within group (order by duration_ms) as p95_duration_ms,
    percentile_cont(0.5) within group (order by records_fetched) as records_fetched,
    percentile_cont(0.5) within group (order by records_inserted) as records_inserted,
    percentile_cont(0.5) within group (order by records_updated) as records_updated,
    percentile_cont(0.5) within group (order by records_failed) as records_failed,
    percentile_cont(0.5) within group (order by calls_analyzed) as calls_analyzed,
    percentile_cont(0.5) within group (order by api_cost)::numeric as api_cost
from (
    select
        duration_ms,
        records_fetched,
        records_inserted,
        records_updated,
        records_failed,
        calls_analyzed,
        api_cost
    from {schema}.runs
    -- A range and an order that only the index on (script_name, started_at) has.
    where
        script_name between %(script)s and %(script)s
        and status = 'success'
        and {is_ordinary}
        and started_at < coalesce(%(until)s::timestamptz, 'infinity')
    order by
        script_name,
        started_at desc
    limit %(sample)s
) as run
