-- The newest runs of each script that ended in the period, so many a "sample", and the steps that they told.
cross join lateral (
    select
        id,
        least(finished_at, '9999-12-30') as finished_at,
        -- Only if it is of all its entries: some may have come since, from whomever.
        case
            when
                jsonb_typeof(metadata #> '{runlog,steps}') = 'object'
                and metadata #> '{runlog,entries}' = (
                    select to_jsonb(count(*))
                    from {schema}.logs
                    where run_id = runs.id
                )
                then metadata #> '{runlog,steps}'
        end as steps
    from {schema}.runs
    -- A range and an order that only the index on (script_name, started_at) has.
    where
        script_name between script.name and script.name
        and status <> 'running'
        and {is_ordinary}
        and started_at >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
        and (%(until)s::timestamptz is null or started_at < %(until)s)
    order by
        script_name,
        started_at desc
    limit %(sample)s
) as run
