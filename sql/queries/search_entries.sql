-- Which entries of any run are like this, newest first? Walks back in time from "until" and stops
-- at the limit; how far it walks at the most is "since" or "period", so one of them is always there.
select
    {entry_moment} as timestamp,
    entry.level,
    entry.step,
    entry.message,
    entry.meta,
    entry.id,
    entry.run_id,
    run.script_name
from {schema}.logs as entry
join {schema}.runs as run on run.id = entry.run_id
where
    entry.timestamp >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
    and (%(until)s::timestamptz is null or entry.timestamp < %(until)s)
    and (
        %(before_id)s::uuid is null
        or (entry.timestamp, entry.id) < ({before_moment}, %(before_id)s)
    )
    and (%(script)s::text is null or run.script_name = %(script)s)
    and (%(script_like)s::text is null or run.script_name like %(script_like)s)
    and (%(step)s::text is null or entry.step = %(step)s)
    and (%(step_like)s::text is null or entry.step like %(step_like)s)
    and (%(levels)s::text[] is null or entry.level = any(%(levels)s))
    and {holds_text}
order by
    entry.timestamp desc,
    entry.id desc
limit %(limit)s
