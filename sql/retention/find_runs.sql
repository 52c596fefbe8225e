-- The next runs that are old enough for their entries to go, oldest first, and whether the run may go
-- too. Which of them stay all the same is asked by script: find_kept.sql, find_cursor.sql.
select
    id,
    started_at,
    script_name,
    metadata #>> '{runlog,cursor}' as cursor_name,
    started_at < %(runs_before)s::timestamptz as is_ripe
from {schema}.runs
where
    started_at < %(before)s::timestamptz
    and status = any(%(statuses)s::text[])
    and (%(script)s::text is null or script_name = %(script)s)
    and (%(script_like)s::text is null or script_name like %(script_like)s)
    and (
        %(after_id)s::uuid is null
        or (started_at, id) > (%(after_at)s::timestamptz, %(after_id)s)
    )
order by
    started_at,
    id
limit %(limit)s
