-- To whom was this incident told, and what became of it?
select
    telling.kind,
    telling.number,
    telling.channel,
    notification.created_at,
    notification.due_at,
    notification.attempts,
    notification.sent_at,
    notification.given_up_at,
    notification.last_error
from {schema}.runlog_tellings as telling
join {schema}.runlog_notifications as notification on notification.id = telling.notification_id
where telling.incident_id = %(id)s
order by notification.created_at, telling.channel, telling.kind
