-- Deletes what nobody will ask for any more, a little at a time.
with old_incidents as (
    delete from {schema}.runlog_incidents
    where id in (
        select old.id
        from {schema}.runlog_incidents as old
        where old.opened_at < %(now)s - interval '180 days' and old.resolved_at is not null
        order by old.opened_at
        limit 500
    )
),
old_notifications as (
    delete from {schema}.runlog_notifications
    where id in (
        select old.id
        from {schema}.runlog_notifications as old
        where
            old.channel = any(%(channels)s)
            and old.created_at < %(now)s - interval '180 days'
            and coalesce(old.sent_at, old.given_up_at) is not null
            and not exists (
                select
                from {schema}.runlog_tellings as telling
                join {schema}.runlog_incidents as incident on incident.id = telling.incident_id
                where telling.notification_id = old.id and incident.resolved_at is null
            )
        limit 500
    )
)
delete from {schema}.runlog_watchers
where evaluated_at < %(now)s - interval '7 days'
