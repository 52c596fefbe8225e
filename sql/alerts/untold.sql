-- What is open and was not told to this channel. What was open before the channel was there is not
-- news; what another incident explains is told with that one, and if it outlives it, itself.
select
    incident.id,
    incident.script_name,
    incident.rule,
    incident.subject,
    incident.severity
from {schema}.runlog_incidents as incident
join {schema}.runlog_channels as channel on channel.name = %(channel)s
left join {schema}.runlog_incidents as parent on parent.id = incident.parent_id
where
    incident.resolved_at is null
    and incident.severity <> 'info'
    and incident.opened_at >= channel.first_seen_at
    and (parent.id is null or incident.rule = 'missed' and parent.resolved_at is not null)
    and not exists (
        select from {schema}.runlog_tellings as telling
        where
            telling.incident_id = incident.id
            and telling.channel = channel.name
            and telling.kind = 'opened'
    )
order by incident.began_at, incident.script_name, incident.id
