-- A run whose process is gone, told by the next runlog process: it ended when it was last alive.
update {schema}.runs
set
    status = 'error',
    error_message = %(error_message)s,
    finished_at = greatest(started_at, %(finished_at)s::timestamptz),
    duration_ms = least(
        greatest(0, extract(epoch from %(finished_at)s::timestamptz - started_at) * 1000),
        2147483647
    )::integer,
    metadata
    = coalesce(metadata, '{}')
    || jsonb_set(
        '{"runlog": {}}',
        '{runlog}',
        coalesce(metadata -> 'runlog', '{}')
        || jsonb_build_object('outcome', %(outcome)s::text, 'swept_at', now())
    )
where id = %(id)s::uuid and status = 'running'
