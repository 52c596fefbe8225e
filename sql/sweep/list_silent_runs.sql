-- Runs that have missed three heartbeats, and where their processes were: on this machine a process may
-- hold the lock of its spool, and lives. A run without a heartbeat is another program's.
select
    id,
    script_name,
    started_at,
    {heartbeat} as last_alive,
    metadata #>> '{runlog,heartbeat_at}' as seen,
    concat(
        'the process died without ending the run; last alive ',
        to_char({heartbeat} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        ' UTC'
    ) as message,
    metadata #>> '{runlog,host}' as host,
    metadata #>> '{runlog,spool}' as spool
from {schema}.runs
where
    status = 'running'
    and id <> all(%(own)s::uuid[])
    and {is_silent}
order by id
