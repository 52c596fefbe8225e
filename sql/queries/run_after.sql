-- Which run of this script began next after this one?
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
    now() as read_at
from {schema}.runs
where
    script_name between %(script)s and %(script)s
    and started_at >= %(after_at)s::timestamptz
    and (started_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
order by
    script_name,
    started_at,
    id
limit 1
