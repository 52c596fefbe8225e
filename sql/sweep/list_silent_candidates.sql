-- Running runs that a reaping could close. Asked only after one of them was refused, to find out
-- which; how old a heartbeat is, and whether it is a time at all, is asked of each on its own.
select
    id,
    metadata #>> '{runlog,host}' as host,
    metadata #>> '{runlog,spool}' as spool
from {schema}.runs
where
    status = 'running'
    and metadata #>> '{runlog,heartbeat_at}' is not null
    and id <> all(%(own)s::uuid[])
order by id
