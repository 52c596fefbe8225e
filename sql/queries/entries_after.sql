-- What was logged after this point, in order, by all scripts or some? For those who follow.
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
    entry.timestamp >= %(after_at)s::timestamptz
    and (
        %(after_id)s::uuid is null
        or (entry.timestamp, entry.id) > ({after_moment}, %(after_id)s)
    )
    and (%(script)s::text is null or run.script_name = %(script)s)
    and (%(script_like)s::text is null or run.script_name like %(script_like)s)
    and (%(step)s::text is null or entry.step = %(step)s)
    and (%(step_like)s::text is null or entry.step like %(step_like)s)
    and (%(levels)s::text[] is null or entry.level = any(%(levels)s))
    and {holds_text}
order by
    entry.timestamp,
    entry.id
limit %(limit)s
