-- What did this run log, in order? What comes after the entry ("after_at",
-- "after_id"), or from the moment "after_at" on.
select
    timestamp,
    level,
    step,
    message,
    meta,
    id,
    run_id
from {schema}.logs
where
    run_id = %(run_id)s
    and (%(after_at)s::timestamptz is null or timestamp >= %(after_at)s)
    and (
        %(after_id)s::uuid is null
        or (timestamp, id) > (%(after_at)s::timestamptz, %(after_id)s)
    )
    and (%(step)s::text is null or step = %(step)s)
    and (%(step_like)s::text is null or step like %(step_like)s)
    and (%(levels)s::text[] is null or level = any(%(levels)s))
    and (%(text_like)s::text is null or message ilike %(text_like)s or meta::text ilike %(text_like)s)
order by
    timestamp,
    id
limit %(limit)s
