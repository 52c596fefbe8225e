-- Which runs have an id that begins like this? The bounds are the prefix filled up with 0 and f, so
-- that the primary key answers.
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
where id between %(lowest)s::uuid and %(highest)s::uuid
order by id desc
limit %(limit)s
