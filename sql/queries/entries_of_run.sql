-- What did this run log, in order? What comes after the entry ("after_at",
-- "after_id"), or from the moment "after_at" on.
select
    {entry_moment} as timestamp,
    level,
    step,
    message,
    meta,
    id,
    run_id
from {schema}.logs as entry
where
    run_id = %(run_id)s
    and {in_time}
    and (
        %(after_at)s::timestamptz is null
        or %(after_id)s::uuid is not null
        or timestamp >= %(after_at)s
    )
    and (
        %(after_id)s::uuid is null
        or (timestamp, id) > ({after_moment}, %(after_id)s)
    )
    and (%(step)s::text is null or step = %(step)s)
    and (%(step_like)s::text is null or step like %(step_like)s)
    and (%(levels)s::text[] is null or level = any(%(levels)s))
    and {holds_text}
order by
    entry.timestamp,
    entry.id
limit %(limit)s
