-- Which other runs of this script are alive: running, and heard of within three of their heartbeats
-- by this database's clock? Runs without a heartbeat (other programs) do not count: a dead one could
-- never be told from a living one. Not now(): that stood still while the lock was waited for.
select
    id::text as run_id,
    started_at,
    {heartbeat} as heartbeat_at,
    metadata #>> '{runlog,host}' as host,
    metadata #>> '{runlog,pid}' as pid,
    metadata #>> '{runlog,spool}' as spool
from {schema}.runs
where
    script_name = %(script_name)s
    and status = 'running'
    and id <> %(id)s::uuid
    and not ({is_silent})
order by heartbeat_at desc
