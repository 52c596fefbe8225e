-- One run with all its columns.
select
    id,
    script_name,
    status,
    triggered_by,
    started_at,
    finished_at,
    duration_ms,
    records_fetched,
    records_inserted,
    records_updated,
    records_failed,
    calls_analyzed,
    api_cost,
    sync_mode,
    batch_id,
    error_message,
    metadata #>> '{runlog,outcome}' as outcome,
    case
        when metadata #>> '{runlog,heartbeat_at}' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d'
            then (metadata #>> '{runlog,heartbeat_at}')::timestamptz
    end as heartbeat_at,
    now() as read_at,
    legacy_id,
    sync_start_date,
    sync_end_date,
    metadata
from {schema}.runs
where id = %(run_id)s
