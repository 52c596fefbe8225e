-- What a running run knows of itself so far. A finished row is not touched.
update {schema}.runs
set
    batch_id = %(batch_id)s::uuid,
    triggered_by = %(triggered_by)s,
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
        'runlog', coalesce(metadata -> 'runlog', '{}') || (%(metadata)s::jsonb -> 'runlog')
    )
where id = %(id)s::uuid and status = 'running'
