-- Takes the oldest message that is due, for a minute; it is sent outside of any transaction. Who
-- died while it was sent left sending_at behind: nobody knows whether it arrived.
update {schema}.runlog_notifications
set
    claimed_by = %(watcher)s,
    claimed_until = %(at)s + %(lease)s,
    attempts = attempts + 1,
    unknown_ends = unknown_ends + (sending_at is not null)::integer,
    sending_at = null
where id = (
    select waiting.id
    from {schema}.runlog_notifications as waiting
    where
        waiting.sent_at is null
        and waiting.given_up_at is null
        and waiting.due_at <= %(at)s
        and waiting.channel = any(%(channels)s)
        and coalesce(waiting.claimed_until, '-infinity') < %(at)s
    order by waiting.due_at, waiting.kind, waiting.id
    limit 1
    for update skip locked
)
returning id, channel, kind, created_at, attempts, unknown_ends
