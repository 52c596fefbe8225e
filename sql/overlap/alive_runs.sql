-- Which other runs of this script may be alive: running, with a heartbeat; and is it older than three of
-- its intervals by this database's clock? Whoever asks may know better: a process on this machine holds
-- the lock of its spool. Runs without a heartbeat (other programs) do not count: a dead one could never
-- be told from a living one. Not now(): that stood still while the lock was waited for.
select
    id::text as run_id,
    started_at,
    heartbeat_at,
    metadata #>> '{runlog,host}' as host,
    metadata #>> '{runlog,pid}' as pid,
    metadata #>> '{runlog,spool}' as spool,
    heartbeat_at < clock_timestamp() - 3 * heartbeat_interval * interval '1 second' as is_silent
from (
    select
        id,
        started_at,
        metadata,
        case
            when metadata #>> '{runlog,heartbeat_at}' ~ '^[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]'
                then (metadata #>> '{runlog,heartbeat_at}')::timestamptz
        end as heartbeat_at,
        case jsonb_typeof(metadata #> '{runlog,heartbeat_interval}')
            when 'number' then (metadata #>> '{runlog,heartbeat_interval}')::double precision
            else 30
        end as heartbeat_interval
    from {schema}.runs
    where script_name = %(script_name)s and status = 'running' and id <> %(id)s::uuid
) as run
where heartbeat_at is not null
order by heartbeat_at desc
