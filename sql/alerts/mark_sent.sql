-- The receiver took it. Incidents that were over when it was sent have been told of whole.
with sent as (
    update {schema}.runlog_notifications
    set
        sent_at = %(at)s,
        sending_at = null,
        claimed_until = null,
        last_error = null
    where id = %(id)s and claimed_by = %(watcher)s and sent_at is null
    returning id, channel
),
ended as (
    insert into {schema}.runlog_tellings (incident_id, channel, kind, notification_id)
    select
        over.id,
        sent.channel,
        'resolved',
        sent.id
    from sent
    cross join unnest(%(ended)s::uuid[]) as over (id)
    on conflict do nothing
)
update {schema}.runlog_channels as channel
set
    last_sent_at = %(at)s,
    failing_since = null,
    last_error = null
from sent
where channel.name = sent.channel
