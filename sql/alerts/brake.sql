-- How much was this channel told within 10 minutes, when does the window end, and which message
-- waits for that?
select
    count(*) as recent,
    min(notification.created_at) + interval '10 minutes' as free_at,
    (array_agg(notification.id order by notification.due_at)
        filter (where notification.due_at > %(now)s and notification.attempts = 0
            and notification.kind = %(kind)s))[1] as held
from {schema}.runlog_notifications as notification
where
    notification.channel = %(channel)s
    and notification.created_at > %(now)s - interval '10 minutes'
    and notification.kind <> 'test'
