-- Which run cost more than max_cost (threshold)? The newest that has a cost decides, alive or not.
select
    rule.script_name,
    '' as subject,
    newest.api_cost > rule.threshold as holds,
    newest.id::text as occasion,
    newest.started_at as began_at,
    newest.id as run_id,
    jsonb_build_object('spent', newest.api_cost, 'budget', rule.threshold) as details
from {rule}
cross join lateral (
    select
        run.id,
        run.started_at,
        run.api_cost
    from {schema}.runs as run
    where {of_script} and run.api_cost is not null
    order by run.script_name, run.started_at desc
    limit 1
) as newest
