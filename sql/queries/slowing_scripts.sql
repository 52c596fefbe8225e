-- Which scripts take longer than they used to? The median duration of the successes of the newer
-- half of the period against that of the older half; what grew most comes first.
select
    script_name,
    runs,
    earlier_ms,
    lately_ms,
    lately_ms / nullif(earlier_ms, 0) as growth
from (
    select
        script_name,
        count(*) as runs,
        percentile_cont(0.5) within group (order by duration_ms)
            filter (where started_at < now() - %(period)s::interval / 2) as earlier_ms,
        percentile_cont(0.5) within group (order by duration_ms)
            filter (where started_at >= now() - %(period)s::interval / 2) as lately_ms
    from {schema}.runs
    where
        started_at >= now() - %(period)s::interval
        and status = 'success'
        and {is_ordinary}
        and duration_ms is not null
    group by script_name
) as script
where earlier_ms is not null and lately_ms is not null
order by
    growth desc nulls last,
    script_name
limit %(limit)s
