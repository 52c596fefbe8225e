-- When did this script last succeed, and up to which date did it sync? Neither a backfill nor a cursor
-- that a person set is meant. A success of the future is some machine's clock, and the last one only
-- where there is no other.
select
    script_name,
    finished_at,
    sync_end_date,
    id,
    started_at,
    sync_mode
from (
    (
        select
            script_name,
            finished_at,
            sync_end_date,
            id,
            started_at,
            sync_mode
        from {schema}.runs
        where
            script_name = %(script)s
            and status = 'success'
            and finished_at <= now() + interval '1 minute'
            and {is_ordinary}
        order by finished_at desc
        limit 1
    )
    union all
    (
        select
            script_name,
            finished_at,
            sync_end_date,
            id,
            started_at,
            sync_mode
        from {schema}.runs
        where
            script_name = %(script)s
            and status = 'success'
            and finished_at > now() + interval '1 minute'
            and finished_at < 'infinity'
            and {is_ordinary}
        order by finished_at desc
        limit 1
    )
) as newest
order by finished_at > now() + interval '1 minute', finished_at desc
limit 1
