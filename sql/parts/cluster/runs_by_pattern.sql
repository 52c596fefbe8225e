-- The newest runs of the scripts whose name matches: a cluster sorts all of them.
select
    *,
    false as is_odd
from {schema}.runs
where
    script_name like %(script_like)s
    and {has_start}
    and (
        %(before_id)s::uuid is null
        or (started_at, id) < (%(before_at)s::timestamptz, %(before_id)s)
    )
    and {state_filters}
    and {run_filters}
order by
    started_at desc,
    id desc
limit %(limit)s
