-- Which errors did the runs of the last 24 hours (or of another period) have, newest run first?
select
    run.script_name,
    run.started_at,
    entry.step,
    entry.message,
    entry.meta,
    entry.timestamp,
    entry.id,
    entry.run_id
from {schema}.runs as run
cross join lateral (
    select
        step,
        message,
        meta,
        {entry_moment} as timestamp,
        id,
        run_id
    from {schema}.logs
    where
        run_id = run.id
        and level = 'ERROR'
    -- Keeps it one look into an index for each run, instead of a join with every error there is.
    offset 0
) as entry
where
    run.started_at > coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
    and (%(until)s::timestamptz is null or run.started_at < %(until)s)
    and (%(script)s::text is null or run.script_name = %(script)s)
    and (%(script_like)s::text is null or run.script_name like %(script_like)s)
order by
    run.started_at desc,
    entry.timestamp desc,
    entry.id desc
limit %(limit)s
