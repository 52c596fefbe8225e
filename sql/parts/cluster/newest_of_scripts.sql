-- The newest runs of each script, so many of "each": a cluster sorts the runs of all.
join (
    select
        script_name,
        id,
        status,
        started_at,
        finished_at,
        duration_ms,
        records_fetched,
        records_failed,
        metadata #>> '{runlog,outcome}' as outcome,
        {heartbeat} as heartbeat_at,
        {heartbeat_interval} as heartbeat_interval,
        row_number() over (partition by script_name order by started_at desc) as place
    from {schema}.runs
    where
        {has_start}
        and {is_ordinary}
) as run on run.script_name = script.name and run.place <= %(each)s
