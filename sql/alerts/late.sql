-- When are scripts due, and which are late or missed, by what watchers found out? A run that began
-- since nobody has looked yet counts as the start, one that goes on or went on then too.
select
    script.script_name,
    script.schedule,
    script.timezone,
    script.next_due_at,
    script.overdue_at,
    case
        when script.paused_until > '9999-01-01 00:00:00+00' then '9999-01-01 00:00:00+00'
        else script.paused_until
    end as paused_until,
    script.retired_at,
    coalesce(script.next_due_at < now() - interval '1 minute' and state.is_waited_for, false)
        as is_late,
    coalesce(script.overdue_at < now() and state.is_waited_for, false) as is_overdue
from {schema}.runlog_scripts as script
left join lateral (
    select
        run.started_at,
        run.finished_at,
        run.status = 'running' and not ({is_silent}) as is_alive
    from {schema}.runs as run
    where
        run.script_name between script.script_name and script.script_name
        and run.started_at is not null
        and {is_ordinary}
    order by run.script_name, run.started_at desc
    limit 1
) as newest on true
cross join lateral (
    select
        coalesce(script.paused_until, '-infinity') < now()
        and script.retired_at is null
        and not coalesce(
            newest.started_at >= script.next_due_at - interval '1 minute'
            or newest.finished_at >= script.next_due_at
            or newest.is_alive,
            false
        ) as is_waited_for
) as state
order by script.script_name
