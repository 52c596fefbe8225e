-- Which scripts are overdue, by what watchers found out?
select
    script_name,
    schedule,
    timezone,
    next_due_at,
    overdue_at,
    case
        when paused_until > '9999-01-01 00:00:00+00' then '9999-01-01 00:00:00+00'
        else paused_until
    end as paused_until,
    retired_at,
    coalesce(overdue_at < now() and coalesce(paused_until, '-infinity') < now(), false)
        as is_overdue
from {schema}.runlog_scripts
order by script_name
