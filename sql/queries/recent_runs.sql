-- How did each script's newest runs go? So many of each, newest first, for a row of bars a script.
with recursive {script_names}
select
    script.name as script_name,
    run.*,
    now() as read_at
from script
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
where
    (%(script)s::text is null or script.name = %(script)s)
    and (%(script_like)s::text is null or script.name like %(script_like)s)
order by
    script.name,
    run.started_at desc
