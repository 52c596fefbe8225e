-- The newest runs of the scripts whose name matches, each through the index of its own.
select
    run.*,
    false as is_odd
from script
cross join lateral (
    select *
    from {schema}.runs
    where
        script_name between script.name and script.name
        and {has_start}
        and (
            %(before_id)s::uuid is null
            or (started_at, id) < (%(before_at)s::timestamptz, %(before_id)s)
        )
        and {state_filters}
        and {run_filters}
    order by
        script_name,
        started_at desc,
        id desc
    limit %(limit)s
) as run
where script.name like %(script_like)s
