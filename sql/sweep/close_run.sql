-- A person closes a run: that is final, also for its process, should there be one. It ended when it
-- was last heard of; a run of another program, which says nothing in between, ends now.
update {schema}.runs as run
set
    status = %(status)s,
    error_message = %(error_message)s,
    finished_at = greatest(run.started_at, coalesce(beat.at, now())),
    duration_ms = least(
        greatest(0, extract(epoch from coalesce(beat.at, now()) - run.started_at) * 1000),
        2147483647
    )::integer,
    metadata
    = coalesce(run.metadata, '{}')
    || jsonb_build_object(
        'runlog',
        coalesce(run.metadata -> 'runlog', '{}')
        || jsonb_build_object('outcome', 'closed', 'closed_by', %(closed_by)s::text)
    )
from (
    select
        id,
        {heartbeat} as at,
        {is_silent} as is_silent
    from {schema}.runs
    where id = %(id)s::uuid
) as beat
where
    run.id = beat.id
    and run.status = 'running'
    and (
        %(is_forced)s
        or beat.at is null
        or beat.is_silent
    )
returning run.id
