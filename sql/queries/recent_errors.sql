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
from {schema}.logs as entry
join {schema}.runs as run on run.id = entry.run_id
where
    entry.level = 'ERROR'
    and run.started_at > coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
    and (%(script)s::text is null or run.script_name = %(script)s)
    and (%(script_like)s::text is null or run.script_name like %(script_like)s)
order by
    run.started_at desc,
    entry.timestamp desc,
    entry.id desc
limit %(limit)s
