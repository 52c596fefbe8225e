-- The newest runs of each script that ended in the period, so many a "sample". A cluster cannot count
-- their entries beside it, so what they told of their steps is not believed and added up again.
join (
    select
        script_name,
        id,
        least(finished_at, '9999-12-30') as finished_at,
        null::jsonb as steps,
        row_number() over (partition by script_name order by started_at desc) as place
    from {schema}.runs
    where
        status <> 'running'
        and {is_ordinary}
        and started_at >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
) as run on run.script_name = script.name and run.place <= %(sample)s
