-- What is open, known to this channel, and due to be told of again: the same span after each
-- message for a week of them, then seven times as long; at once seven times for what flaps. When one
-- is due the others that are open come along, so that there is one reminder and not many.
with known as (
    select
        incident.id,
        incident.script_name,
        incident.rule,
        incident.subject,
        incident.severity,
        incident.began_at,
        count(telling.kind) filter (where telling.kind = 'reminder') as number,
        greatest(channel.first_seen_at, incident.opened_at, max(notification.created_at)) as told_at,
        %(remind)s * case
            when incident.is_flapping or count(*) filter (where telling.kind = 'reminder') >= 7 then 7
            else 1
        end as pause
    from {schema}.runlog_incidents as incident
    join {schema}.runlog_channels as channel on channel.name = %(channel)s
    left join {schema}.runlog_tellings as telling
        on telling.incident_id = incident.id and telling.channel = channel.name
    left join {schema}.runlog_notifications as notification
        on notification.id = telling.notification_id
    where
        incident.resolved_at is null
        and incident.severity = 'error'
        and incident.acknowledged_at is null
        and incident.parent_id is null
    group by incident.id, channel.name
    having
        bool_or(telling.kind = 'opened') or incident.opened_at < channel.first_seen_at
)
select
    id,
    script_name,
    rule,
    subject,
    severity,
    number::integer as number
from known
where exists (select from known as due where due.told_at <= %(now)s - due.pause)
order by began_at, script_name, id
