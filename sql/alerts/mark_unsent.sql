-- It did not go, or nobody knows: tried again after a pause, or given up.
with unsent as (
    update {schema}.runlog_notifications
    set
        sending_at = case when %(is_known)s then null else sending_at end,
        claimed_until = null,
        due_at = %(at)s + %(pause)s,
        given_up_at = case when %(is_given_up)s then %(at)s end,
        last_error = left(%(error)s, 500)
    where id = %(id)s and claimed_by = %(watcher)s and sent_at is null
    returning channel
)
update {schema}.runlog_channels as channel
set
    failing_since = coalesce(channel.failing_since, %(at)s),
    last_error = left(%(error)s, 500)
from unsent
where channel.name = unsent.channel
