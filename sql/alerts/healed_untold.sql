-- What healed before anybody was told, lately, and was not told to this channel.
select
    incident.id,
    incident.script_name,
    incident.rule,
    incident.subject,
    incident.severity
from {schema}.runlog_incidents as incident
join {schema}.runlog_channels as channel on channel.name = %(channel)s
where
    incident.resolution = 'healed'
    and incident.opened_at > %(now)s - interval '1 day'
    and incident.opened_at >= channel.first_seen_at
    and not exists (
        select from {schema}.runlog_tellings as telling
        where telling.incident_id = incident.id and telling.channel = channel.name
    )
order by incident.began_at, incident.script_name, incident.id
