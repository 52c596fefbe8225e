-- A run ends, told by its own process; update_run.sql has just stored what it knows of itself. The
-- first final state wins; only a sweep, which is a guess made by others, is corrected.
update {schema}.runs
set
    finished_at = %(finished_at)s::timestamptz,
    duration_ms = %(duration_ms)s::integer,
    status = %(status)s,
    error_message = %(error_message)s,
    -- What was told of the entries was told of another end.
    metadata = metadata #- '{runlog,swept_at}' #- '{runlog,entries}'
where id = %(id)s::uuid and (status = 'running' or metadata -> 'runlog' ? 'swept_at')
