-- A run ends, told by its own process. The first final state wins; only a sweep, which is a guess
-- made by others, is corrected.
update {schema}.runs
set
    batch_id = %(batch_id)s::uuid,
    triggered_by = %(triggered_by)s,
    finished_at = %(finished_at)s::timestamptz,
    duration_ms = %(duration_ms)s::integer,
    status = %(status)s,
    error_message = %(error_message)s,
    records_fetched = %(records_fetched)s::integer,
    records_inserted = %(records_inserted)s::integer,
    records_updated = %(records_updated)s::integer,
    records_failed = %(records_failed)s::integer,
    sync_mode = %(sync_mode)s,
    sync_start_date = %(sync_start_date)s::timestamptz,
    sync_end_date = %(sync_end_date)s::timestamptz,
    calls_analyzed = %(calls_analyzed)s::integer,
    api_cost = %(api_cost)s::numeric,
    metadata
    = coalesce(metadata, '{}')
    || %(metadata)s::jsonb
    || jsonb_build_object(
        'runlog',
        (coalesce(metadata -> 'runlog', '{}') - 'swept_at') || (%(metadata)s::jsonb -> 'runlog')
    )
where id = %(id)s::uuid and (status = 'running' or metadata -> 'runlog' ? 'swept_at')
