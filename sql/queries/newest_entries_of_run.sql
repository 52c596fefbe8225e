-- What did this run say last? The newest entries, newest first; the next page begins before
-- ("before_at", "before_id").
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
        %(before_id)s::uuid is null
        or (timestamp, id) < ({before_moment}, %(before_id)s)
    )
    and (%(step)s::text is null or step = %(step)s)
    and (%(step_like)s::text is null or step like %(step_like)s)
    and (%(levels)s::text[] is null or level = any(%(levels)s))
    and {holds_text}
order by
    entry.timestamp desc,
    entry.id desc
limit %(limit)s
