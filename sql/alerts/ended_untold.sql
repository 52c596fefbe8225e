-- What is over, where this channel was told of its begin (or that was given up) and not of its end.
-- While the begin still waits to be sent, it will tell both.
select
    incident.id,
    incident.script_name,
    incident.rule,
    incident.subject,
    incident.severity
from {schema}.runlog_incidents as incident
join {schema}.runlog_tellings as telling
    on telling.incident_id = incident.id and telling.channel = %(channel)s and telling.kind = 'opened'
join {schema}.runlog_notifications as notification on notification.id = telling.notification_id
where
    incident.resolved_at > %(now)s - interval '30 days'
    and (%(with_expired)s or incident.resolution <> 'expired')
    and (notification.sent_at is not null or notification.given_up_at is not null)
    and not exists (
        select from {schema}.runlog_tellings as ending
        where
            ending.incident_id = incident.id
            and ending.channel = %(channel)s
            and ending.kind = 'resolved'
    )
order by incident.began_at, incident.script_name, incident.id
