-- Which runs are alive and say nothing? The threshold is in seconds.
select
    rule.script_name,
    '' as subject,
    coalesce(entry.at, alive.started_at) < %(now)s - rule.threshold * interval '1 second' as holds,
    alive.id::text as occasion,
    coalesce(entry.at, alive.started_at) as began_at,
    alive.id as run_id,
    jsonb_strip_nulls(jsonb_build_object(
        'last_entry_at', entry.at,
        'step', entry.step,
        'message', entry.message,
        'limit_s', rule.threshold
    )) as details
from {rule}
cross join lateral (
    select
        run.id,
        run.started_at
    from {schema}.runs as run
    where
        run.script_name = rule.script_name
        and run.status = 'running'
        and {heartbeat} >= %(now)s - 3 * {heartbeat_interval} * interval '1 second'
    order by run.started_at desc
    limit 1
) as alive
left join lateral (
    select
        logs.timestamp as at,
        logs.step,
        left(logs.message, 500) as message
    from {schema}.logs
    where logs.run_id = alive.id
    order by logs.timestamp desc, logs.id desc
    limit 1
) as entry on true
