-- What is running now, oldest first, and what did each say last?
select
    run.*,
    {entry_moment} as last_entry_at,
    entry.step as last_step,
    entry.message as last_message
from {running_runs}
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
limit %(limit)s
