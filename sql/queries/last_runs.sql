-- What ran lately, newest first? The page after a run begins at ("before_at", "before_id"). Runs whose
-- beginning is no moment that one can reckon with come last.
--
-- A script is asked for by a range and an order that only the index on (script_name, started_at)
-- has: by equality the planner may as well walk through all runs by time, which takes long when
-- the script has not run for a year. A pattern is looked up among the names first, for the same
-- reason.
with {script_names}
select
    {run_columns}
from (
    (
        select
            *,
            false as is_odd
        from {schema}.runs
        where
            %(script_like)s::text is null
            and (%(script)s::text is null or script_name between %(script)s and %(script)s)
            and {has_start}
            and (
                %(before_id)s::uuid is null
                or (started_at, id) < (%(before_at)s::timestamptz, %(before_id)s)
            )
            and {state_filters}
            and {run_filters}
        order by
            case when %(script)s::text is null then null else script_name end,
            started_at desc,
            id desc
        limit %(limit)s
    )
    union all
    (
        {runs_by_pattern}
    )
    union all
    (
        select
            *,
            true as is_odd
        from {schema}.runs
        where
            (started_at is null or started_at < '0001-01-02' or started_at > '9999-12-30')
            and (%(script)s::text is null or script_name = %(script)s)
            and (%(script_like)s::text is null or script_name like %(script_like)s)
            and (%(before_id)s::uuid is null or %(before_at)s::timestamptz is not null or id < %(before_id)s)
            and {state_filters}
            and {run_filters}
        order by id desc
        limit %(limit)s
    )
) as run
order by
    is_odd,
    case when not is_odd then started_at end desc,
    id desc
limit %(limit)s
