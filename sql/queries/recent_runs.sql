-- How did each script's newest runs go? So many of each, newest first, for a row of bars a script.
with recursive script (name) as (
    -- One look into the index a script, instead of reading every run to find the names.
    (
        select script_name
        from {schema}.runs
        order by script_name
        limit 1
    )
    union all
    select (
        select script_name
        from {schema}.runs
        where script_name > script.name
        order by script_name
        limit 1
    )
    from script
    where script.name is not null
)
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
        case
            when metadata #>> '{runlog,heartbeat_at}' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d'
                then (metadata #>> '{runlog,heartbeat_at}')::timestamptz
        end as heartbeat_at
    from {schema}.runs
    -- A range and an order that only the index on (script_name, started_at) has.
    where
        script_name between script.name and script.name
        and started_at is not null
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
