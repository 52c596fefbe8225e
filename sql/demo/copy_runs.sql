-- The runs of the month that "runlog demo --dashboard" invents.
copy {schema}.runs (
    id,
    batch_id,
    script_name,
    triggered_by,
    started_at,
    finished_at,
    duration_ms,
    status,
    error_message,
    records_fetched,
    records_inserted,
    records_updated,
    records_failed,
    calls_analyzed,
    api_cost,
    sync_mode,
    metadata
) from stdin
