-- Runs that have missed three heartbeats, by the database's clock, and where their processes were: on this
-- machine a process may hold the lock of its spool, and lives. A run without a heartbeat is another
-- program's.
select
    run.id,
    run.metadata #>> '{runlog,host}' as host,
    run.metadata #>> '{runlog,spool}' as spool
from {schema}.runs as run
cross join lateral (
    select
        case
            when run.metadata #>> '{runlog,heartbeat_at}' ~ '^[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]'
                then (run.metadata #>> '{runlog,heartbeat_at}')::timestamptz
        end as at,
        case jsonb_typeof(run.metadata #> '{runlog,heartbeat_interval}')
            when 'number' then (run.metadata #>> '{runlog,heartbeat_interval}')::double precision
            else 30
        end as every
) as beat
where
    run.status = 'running'
    and run.id <> all(%(own)s::uuid[])
    and beat.at < now() - 3 * beat.every * interval '1 second'
order by run.id
