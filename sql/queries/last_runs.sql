-- What ran lately, newest first? A filter that is null asks nothing. The page after a run begins
-- at ("before_at", "before_id").
--
-- A script is asked for by a range and an order that only the index on (script_name, started_at)
-- has: by equality the planner may as well walk through all runs by time, which takes long when
-- the script has not run for a year.
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
    (%(script)s::text is null or script_name between %(script)s and %(script)s)
    and (%(script_like)s::text is null or script_name like %(script_like)s)
    and (%(status)s::text is null or status = %(status)s)
    and (%(outcome)s::text is null or metadata #>> '{runlog,outcome}' = %(outcome)s)
    and (not %(is_partial)s::boolean or records_failed > 0)
    and (
        not %(is_lost)s::boolean
        or metadata #>> '{runlog,heartbeat_at}' is not null
        and (metadata #>> '{runlog,heartbeat_at}')::timestamptz < now() - interval '90 seconds'
    )
    and (%(triggered_by)s::text is null or triggered_by = %(triggered_by)s)
    and (%(host)s::text is null or metadata #>> '{runlog,host}' = %(host)s)
    and (
        %(text_like)s::text is null
        or script_name ilike %(text_like)s
        or error_message ilike %(text_like)s
        or metadata::text ilike %(text_like)s
    )
    and (%(since)s::timestamptz is null or started_at >= %(since)s)
    and (%(period)s::interval is null or started_at >= now() - %(period)s)
    and (%(until)s::timestamptz is null or started_at < %(until)s)
    and (
        %(before_id)s::uuid is null
        or (started_at, id) < (%(before_at)s::timestamptz, %(before_id)s)
    )
order by
    case when %(script)s::text is null then null else script_name end,
    started_at desc,
    id desc
limit %(limit)s
