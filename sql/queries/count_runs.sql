-- How many runs stand how, of those that the other filters leave? For counts beside a list of runs.
select
    status,
    metadata #>> '{runlog,outcome}' as outcome,
    coalesce(records_failed > 0, false) as has_failures,
    coalesce(
        status = 'running'
        and beat.at < now() - 3 * beat.every * interval '1 second',
        false
    ) as is_silent,
    count(*) as runs
from {schema}.runs
cross join lateral (
    select
        case
            when metadata #>> '{runlog,heartbeat_at}' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d'
                then (metadata #>> '{runlog,heartbeat_at}')::timestamptz
        end as at,
        case jsonb_typeof(metadata #> '{runlog,heartbeat_interval}')
            when 'number' then (metadata #>> '{runlog,heartbeat_interval}')::double precision
            else 30
        end as every
) as beat
where
    (%(script)s::text is null or script_name = %(script)s)
    and (%(script_like)s::text is null or script_name like %(script_like)s)
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
group by
    1,
    2,
    3,
    4
