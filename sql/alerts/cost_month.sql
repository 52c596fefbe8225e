-- What did this month cost so far, against the budget (threshold)? One incident a month, which ends with
-- it. Days and months are those of the script's time zone; '*' is all scripts together. One pass
-- over the runs for each moment at which a month began, whatever the number of scripts.
with span as (
    select
        rule.*,
        date_trunc('month', %(now)s at time zone rule.timezone) as local_at,
        date_trunc('month', %(now)s at time zone rule.timezone) at time zone rule.timezone as began_at
    from {rule}
),
spent as materialized (
    select
        begun.began_at,
        run.script_name,
        sum(run.api_cost) as spent,
        count(*) as runs
    from (select distinct began_at from span) as begun
    join {schema}.runs as run on run.started_at >= begun.began_at
    where run.started_at <= %(now)s and run.api_cost is not null
    group by begun.began_at, run.script_name
),
total as (
    select began_at, script_name, spent, runs from spent
    union all
    select began_at, '*', sum(spent), sum(runs) from spent group by began_at
)
select
    span.script_name,
    to_char(span.local_at, 'YYYY-MM') as subject,
    true as holds,
    to_char(span.local_at, 'YYYY-MM') as occasion,
    span.began_at,
    null::uuid as run_id,
    jsonb_build_object('spent', total.spent, 'budget', span.threshold, 'runs', total.runs) as details,
    (span.local_at + interval '1 month') at time zone span.timezone as expires_at
from span
join total on total.began_at = span.began_at and total.script_name = span.script_name
where total.spent > span.threshold
