-- A person closes a run: that is final, also for its process, should there be one. It ended when it
-- was last heard of; a run of another program, which says nothing in between, ends now. Unless forced,
-- not when it was heard of since it was looked at: its heartbeat must read as it was "seen".
update {schema}.runs
set
    status = %(status)s::text,
    error_message = %(error_message)s::text,
    finished_at = greatest(started_at, %(ended_at)s::timestamptz),
    duration_ms = least(
        greatest(0, extract(epoch from %(ended_at)s::timestamptz - started_at) * 1000),
        2147483647
    )::integer,
    metadata
    = coalesce(metadata, '{}')
    || jsonb_set(
        '{"runlog": {}}',
        '{runlog}',
        coalesce(metadata -> 'runlog', '{}')
        || jsonb_build_object('outcome', 'closed', 'closed_by', %(closed_by)s::text)
    )
where
    id = %(id)s::uuid
    and status = 'running'
    and (%(is_forced)s or metadata #>> '{runlog,heartbeat_at}' is not distinct from %(seen)s::text)
returning id
