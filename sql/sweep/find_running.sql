-- When was this running run last heard of, and is it silent? One of another program says neither.
select
    metadata #>> '{runlog,heartbeat_at}' as seen,
    {heartbeat} is not null as has_heartbeat,
    {is_silent} as is_silent
from {schema}.runs
where id = %(id)s::uuid and status = 'running'
