-- Which other runs of this script are alive: running, and heard of within three of their heartbeats
-- by this database's clock? Runs without a heartbeat (other programs) do not count: a dead one could
-- never be told from a living one. Not now(): that stood still while the lock was waited for.
select
    id::text as run_id,
    started_at,
    heartbeat_at,
    metadata #>> '{runlog,host}' as host,
    metadata #>> '{runlog,pid}' as pid,
    metadata #>> '{runlog,spool}' as spool
from (
    select
        id,
        started_at,
        metadata,
        case
            when metadata #>> '{runlog,heartbeat_at}' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d'
                then (metadata #>> '{runlog,heartbeat_at}')::timestamptz
        end as heartbeat_at,
        case jsonb_typeof(metadata #> '{runlog,heartbeat_interval}')
            when 'number' then (metadata #>> '{runlog,heartbeat_interval}')::double precision
            else 30
        end as heartbeat_interval
    from {schema}.runs
    where script_name = %(script_name)s and status = 'running' and id <> %(id)s::uuid
) as run
where heartbeat_at >= clock_timestamp() - 3 * heartbeat_interval * interval '1 second'
order by heartbeat_at desc
