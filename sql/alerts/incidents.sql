-- Incidents: those that are open, or all that were opened since, the worst and the newest first.
select
    incident.id,
    incident.script_name,
    incident.rule,
    incident.subject,
    incident.severity,
    incident.began_at,
    incident.opened_at,
    incident.seen_at,
    incident.resolved_at,
    incident.resolution,
    incident.is_flapping,
    incident.acknowledged_at,
    incident.acknowledged_by,
    incident.parent_id,
    incident.run_id,
    incident.details,
    coalesce(told.channels, '{}') as told_to,
    now() as read_at
from {schema}.runlog_incidents as incident
left join lateral (
    select array_agg(telling.channel order by telling.channel) as channels
    from {schema}.runlog_tellings as telling
    join {schema}.runlog_notifications as notification on notification.id = telling.notification_id
    where
        telling.incident_id = incident.id
        and telling.kind = 'opened'
        and notification.sent_at is not null
) as told on true
where
    case
        when %(lowest)s::uuid is not null
            then incident.id between %(lowest)s::uuid and %(highest)s::uuid
        when %(since)s::timestamptz is not null then incident.opened_at >= %(since)s
        when %(period)s::interval is not null then incident.opened_at >= now() - %(period)s
        else incident.resolved_at is null
    end
    and (%(script)s::text is null or incident.script_name = %(script)s)
order by
    incident.resolved_at is not null,
    array_position(array['error', 'warning', 'info'], incident.severity),
    incident.opened_at desc,
    incident.script_name
limit 1000
