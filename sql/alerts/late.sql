-- When are scripts due, and which are late or missed, by what watchers found out? A run that began
-- since nobody has looked yet counts as the start.
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
cross join lateral (
    select
        coalesce(script.paused_until, '-infinity') < now()
        and script.retired_at is null
        and not exists (
            select
            from {schema}.runs as run
            where
                run.script_name = script.script_name
                and run.started_at >= script.next_due_at - interval '1 minute'
                and {is_ordinary}
        ) as is_waited_for
) as state
order by script.script_name
