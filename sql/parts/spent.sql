-- What the runs since the beginning of each "span" cost, where that is more than the budget (threshold):
-- the rest of cost_day.sql and cost_month.sql.
began as (
    select
        span.*,
        local_at at time zone timezone as began_at
    from span
),
spent as materialized (
    select
        begun.began_at,
        run.script_name,
        sum(run.api_cost) as spent,
        count(*) as runs
    from (select distinct began_at from began) as begun
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
    began.script_name,
    to_char(began.local_at, began.form) as subject,
    true as holds,
    to_char(began.local_at, began.form) as occasion,
    began.began_at,
    null::uuid as run_id,
    jsonb_build_object('spent', total.spent, 'budget', began.threshold, 'runs', total.runs) as details,
    (began.local_at + began.length) at time zone began.timezone as expires_at
from began
join total on total.began_at = began.began_at and total.script_name = began.script_name
where total.spent > began.threshold
