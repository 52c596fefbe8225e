-- What did this day cost so far, against the budget (threshold)? One incident a day, which ends with
-- it. Days and months are those of the script's time zone; '*' is all scripts together.
with span as (
    select
        rule.*,
        date_trunc('day', %(now)s at time zone rule.timezone) as local_at
    from {rule}
),
spent as (
    select
        span.*,
        sums.spent,
        sums.runs,
        sums.newest_id
    from span
    cross join lateral (
        select
            coalesce(sum(run.api_cost), 0) as spent,
            count(*) as runs,
            (array_agg(run.id order by run.started_at desc))[1] as newest_id
        from {schema}.runs as run
        where
            (span.script_name = '*' or run.script_name = span.script_name)
            and run.started_at >= span.local_at at time zone span.timezone
            and run.started_at <= %(now)s
            and run.api_cost is not null
    ) as sums
)
select
    script_name,
    to_char(local_at, 'YYYY-MM-DD') as subject,
    true as holds,
    to_char(local_at, 'YYYY-MM-DD') as occasion,
    local_at at time zone timezone as began_at,
    newest_id as run_id,
    jsonb_build_object('spent', spent, 'budget', threshold, 'runs', runs) as details,
    (local_at + interval '1 day') at time zone timezone as expires_at
from spent
where spent > threshold
