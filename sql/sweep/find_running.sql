-- When was this running run last heard of, and is it silent? One of another program says neither, and
-- ends now. As JSON tells a moment, which no setting of a session changes.
select
    metadata #>> '{runlog,heartbeat_at}' as seen,
    {heartbeat} is not null and not {is_silent} as is_alive,
    to_jsonb(coalesce({heartbeat}, now())) #>> '{}' as ended_at
from {schema}.runs
where id = %(id)s::uuid and status = 'running'
