-- Which run has made so many others skip (threshold)? They leave entries of step SKIP in the run
-- that was in their way, which may be a backfill.
select
    rule.script_name,
    '' as subject,
    skips.n >= rule.threshold as holds,
    newest.id::text as occasion,
    newest.started_at as began_at,
    newest.id as run_id,
    jsonb_build_object('skips', skips.n) as details
from {rule}
cross join lateral (
    select
        run.id,
        run.started_at
    from {schema}.runs as run
    where
        run.script_name between rule.script_name and rule.script_name
        and (run.script_name, run.started_at) <= (rule.script_name, %(now)s)
        and run.sync_mode is distinct from 'cursor'
    order by run.script_name, run.started_at desc
    limit 1
) as newest
cross join lateral (
    select count(*) as n
    from {schema}.logs
    where logs.run_id = newest.id and logs.step = 'SKIP'
) as skips
