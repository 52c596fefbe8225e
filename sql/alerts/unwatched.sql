-- Which other watchers have not looked for three times as long as they mean to, and for 15 minutes
-- at least? One that does not come back is forgotten after 7 days.
select
    '*' as script_name,
    name as subject,
    evaluated_at < %(now)s - greatest(3 * every, interval '15 minutes') as holds,
    to_char(evaluated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as occasion,
    evaluated_at as began_at,
    null::uuid as run_id,
    jsonb_strip_nulls(jsonb_build_object(
        'last_look_at', evaluated_at, 'every_s', extract(epoch from every), 'error', error
    )) as details,
    evaluated_at + interval '7 days' as expires_at
from {schema}.runlog_watchers
where every is not null and evaluated_at is not null and name <> %(watcher)s
