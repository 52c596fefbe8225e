-- The sign of life of all open runs of a process, by the database's clock. A run that was swept
-- while its process was frozen is running again.
update {schema}.runs
set
    status = 'running',
    finished_at = null,
    duration_ms = null,
    error_message = null,
    metadata
    = jsonb_set(
        coalesce(metadata, '{}')
        #- '{runlog,swept_at}'
        #- '{runlog,outcome}'
        #- '{runlog,entries}',
        '{runlog,heartbeat_at}',
        to_jsonb(now())
    )
where
    id = any(%(ids)s::uuid[])
    and (status = 'running' or metadata -> 'runlog' ? 'swept_at')
