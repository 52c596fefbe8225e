-- Which other runs of this script may be alive: running, with a heartbeat; and has it missed three of
-- them by this database's clock? Whoever asks may know better: a process on this machine holds the lock
-- of its spool. Runs without a heartbeat (other programs) do not count: a dead one could never be told
-- from a living one.
select
    id::text as run_id,
    started_at,
    {heartbeat} as heartbeat_at,
    metadata #>> '{runlog,host}' as host,
    metadata #>> '{runlog,pid}' as pid,
    metadata #>> '{runlog,spool}' as spool,
    {is_silent} as is_silent
from {schema}.runs
where
    script_name = %(script_name)s
    and status = 'running'
    and id <> %(id)s::uuid
    and {heartbeat} is not null
order by heartbeat_at desc
