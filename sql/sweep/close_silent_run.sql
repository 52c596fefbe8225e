-- Closes a run that was seen silent, unless anything was heard of it since: its heartbeat must read as
-- it was "seen", and is the moment at which the run ended. So no lock is needed between looking and
-- closing, and of two that close it one does. A row that is locked is being written by someone, so it
-- is alive: skipped. The id stands here twice, so that a cluster knows the one node to ask. Should the
-- process live after all, its next heartbeat takes this back.
update {schema}.runs
set
    status = 'error',
    error_message = %(message)s::text,
    finished_at = greatest(started_at, %(seen)s::timestamptz),
    duration_ms = least(
        greatest(0, extract(epoch from %(seen)s::timestamptz - started_at) * 1000),
        2147483647
    )::integer,
    metadata
    = metadata
    || jsonb_set(
        '{"runlog": {}}',
        '{runlog}',
        metadata -> 'runlog' || jsonb_build_object('outcome', 'died', 'swept_at', now())
    )
where
    id = %(id)s::uuid
    and id = (select id from {schema}.runs where id = %(id)s::uuid for update skip locked)
    and status = 'running'
    and metadata #>> '{runlog,heartbeat_at}' = %(seen)s::text
returning id
