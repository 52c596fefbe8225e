-- The newest runs of each script, so many of "each".
cross join lateral (
    select
        id,
        status,
        started_at,
        finished_at,
        duration_ms,
        records_fetched,
        records_failed,
        metadata #>> '{runlog,outcome}' as outcome,
        {heartbeat} as heartbeat_at,
        {heartbeat_interval} as heartbeat_interval
    from {schema}.runs
    -- A range and an order that only the index on (script_name, started_at) has.
    where
        script_name between script.name and script.name
        and {has_start}
        and {is_ordinary}
    order by
        script_name,
        started_at desc
    limit %(each)s
) as run
