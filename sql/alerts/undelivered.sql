-- Which channels take nothing: refused for an hour, or gave something up? Told to the others.
select
    '*' as script_name,
    channel.name as subject,
    channel.failing_since is not null as holds,
    coalesce(to_char(channel.failing_since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '')
        as occasion,
    coalesce(channel.failing_since, %(now)s) as began_at,
    null::uuid as run_id,
    jsonb_strip_nulls(jsonb_build_object('error', left(channel.last_error, 500))) as details
from {schema}.runlog_channels as channel
where
    channel.failing_since is null
    or channel.failing_since < %(now)s - interval '1 hour'
    or exists (
        select from {schema}.runlog_notifications as notification
        where
            notification.channel = channel.name
            and notification.given_up_at >= channel.failing_since
    )
