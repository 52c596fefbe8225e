-- The last run and the last success of each script of "wanted", through the indexes.
cross join lateral (
    select
        id,
        status,
        started_at,
        finished_at,
        duration_ms,
        records_failed,
        error_message,
        metadata #>> '{runlog,outcome}' as outcome,
        {heartbeat} as heartbeat_at,
        {heartbeat_interval} as heartbeat_interval
    from {schema}.runs
    -- A range and an order that only the index on (script_name, started_at) has: by equality the
    -- planner may walk through all runs by time, to the last one of a script that is silent.
    where
        script_name between wanted.name and wanted.name
        and {has_start}
        and {is_ordinary}
    order by
        script_name,
        started_at desc,
        id desc
    limit 1
) as last_run
left join lateral (
    select finished_at
    from {schema}.runs
    where
        script_name = wanted.name
        and status = 'success'
        and finished_at is not null
        and {is_ordinary}
    order by finished_at desc
    limit 1
) as last_success on true
