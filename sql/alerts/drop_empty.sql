-- Takes back a message for which nothing was left to tell.
delete from {schema}.runlog_notifications as notification
where
    notification.id = %(id)s
    and not exists (
        select from {schema}.runlog_tellings as telling where telling.notification_id = notification.id
    )
