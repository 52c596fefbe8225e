-- What is running now, oldest first, and what did each say last?
select
    run.*,
    {entry_moment} as last_entry_at,
    entry.step as last_step,
    entry.message as last_message
from (
    select
        {run_columns},
        metadata #>> '{runlog,host}' as host,
        metadata #>> '{runlog,pid}' as pid
    from {schema}.runs
    where
        status = 'running'
        and (%(script)s::text is null or script_name = %(script)s)
        and (%(script_like)s::text is null or script_name like %(script_like)s)
    order by
        started_at,
        id
    limit %(limit)s
) as run
left join lateral (
    select
        timestamp,
        step,
        message
    from {schema}.logs
    where run_id = run.id
    order by
        timestamp desc,
        id desc
    limit 1
) as entry on true
order by
    run.started_at,
    run.id
