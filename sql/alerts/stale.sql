-- How old is the last success? Independent of any schedule; the threshold is in seconds. A script
-- that never succeeded is unknown.
select
    rule.script_name,
    '' as subject,
    success.finished_at < %(now)s - rule.threshold * interval '1 second' as holds,
    success.id::text as occasion,
    success.finished_at + rule.threshold * interval '1 second' as began_at,
    success.id as run_id,
    jsonb_build_object('last_success_at', success.finished_at, 'limit_s', rule.threshold) as details
from {rule}
cross join lateral (
    select
        run.id,
        run.finished_at
    from {schema}.runs as run
    where
        run.script_name = rule.script_name
        and run.status = 'success'
        and run.finished_at <= %(now)s
        and {is_ordinary}
    order by run.finished_at desc
    limit 1
) as success
