-- What did this run say last? The newest entries, newest first; the next page begins before
-- ("before_at", "before_id").
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
    and (
        %(before_id)s::uuid is null
        or (timestamp, id) < (%(before_at)s::timestamptz, %(before_id)s)
    )
    and (%(step)s::text is null or step = %(step)s)
    and (%(step_like)s::text is null or step like %(step_like)s)
    and (%(levels)s::text[] is null or level = any(%(levels)s))
    and (%(text_like)s::text is null or message ilike %(text_like)s or meta::text ilike %(text_like)s)
order by
    timestamp desc,
    id desc
limit %(limit)s
