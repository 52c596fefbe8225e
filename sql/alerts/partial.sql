-- Which success left records behind? Bad: the newest success failed at more than the share
-- (threshold), and at 5 records at least. Good: it did not.
select
    rule.script_name,
    '' as subject,
    newest.failed >= 5 and newest.failed > rule.threshold * newest.seen as holds,
    newest.id::text as occasion,
    newest.started_at as began_at,
    newest.id as run_id,
    jsonb_build_object('failed', newest.failed, 'of', newest.seen) as details
from {rule}
cross join lateral (
    select
        run.id,
        run.started_at,
        coalesce(run.records_failed, 0) as failed,
        greatest(
            coalesce(run.records_fetched, 0),
            coalesce(run.records_inserted, 0)::bigint
            + coalesce(run.records_updated, 0)
            + coalesce(run.records_failed, 0)
        ) as seen
    from {schema}.runs as run
    where {of_script} and run.status = 'success'
    order by run.script_name, run.started_at desc
    limit 1
) as newest
