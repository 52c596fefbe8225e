-- What is known of schedules, pauses and retirements.
select
    script_name,
    schedule,
    timezone,
    declared_at,
    next_due_at,
    overdue_at,
    -- For ever is later than Python can tell.
    case
        when paused_until > '9999-01-01 00:00:00+00' then '9999-01-01 00:00:00+00'
        else paused_until
    end as paused_until,
    retired_at
from {schema}.runlog_scripts
