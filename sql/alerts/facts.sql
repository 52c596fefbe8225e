-- What a message says of these incidents: each with its run, and what is usual for its script.
select
    incident.id,
    incident.script_name,
    incident.rule,
    incident.subject,
    incident.severity,
    incident.began_at,
    incident.opened_at,
    incident.resolved_at,
    incident.resolution,
    incident.is_flapping,
    incident.details,
    %(now)s::timestamptz as read_at,
    run.id as run_id,
    run.started_at,
    run.status,
    run.duration_ms,
    run.triggered_by,
    run.records_fetched,
    run.records_inserted,
    run.records_updated,
    run.records_failed,
    run.metadata #>> '{runlog,host}' as host,
    run.metadata #>> '{runlog,git_commit}' as commit,
    run.metadata #>> '{runlog,github,url}' as github_url,
    success.finished_at as last_success_at,
    recovery.finished_at as good_at,
    usual.seconds as usual_seconds,
    usual.fetched as usual_fetched
from {schema}.runlog_incidents as incident
left join {schema}.runs as run on run.id = incident.run_id
left join lateral (
    select past.finished_at
    from {schema}.runs as past
    where
        past.script_name = incident.script_name
        and past.status = 'success'
        and past.finished_at <= coalesce(incident.resolved_at, %(now)s)
        and {is_ordinary}
    order by past.finished_at desc
    limit 1
) as success on true
left join lateral (
    select later.finished_at
    from {schema}.runs as later
    where
        incident.rule = 'failed'
        and later.script_name between incident.script_name and incident.script_name
        and later.started_at > run.started_at
        and later.finished_at between run.started_at and incident.resolved_at
        and later.status = 'success'
        and {is_ordinary}
    order by later.script_name, later.started_at
    limit 1
) as recovery on true
left join lateral (
    select
        (percentile_cont(0.5) within group (order by past.duration_ms) / 1000)::numeric as seconds,
        percentile_cont(0.5) within group (order by past.records_fetched)::numeric as fetched
    from (
        select
            earlier.duration_ms,
            earlier.records_fetched
        from {schema}.runs as earlier
        where
            earlier.script_name = incident.script_name
            and earlier.status = 'success'
            and earlier.finished_at <= run.started_at
            and earlier.sync_mode is not distinct from run.sync_mode
            and {is_ordinary}
        order by earlier.finished_at desc
        limit 50
    ) as past
) as usual on true
where incident.id = any(%(ids)s::uuid[])
order by
    array_position(array['error', 'warning', 'info'], incident.severity),
    incident.began_at,
    incident.script_name,
    incident.id
