-- What is known of schedules, pauses and retirements.
select
    script_name,
    schedule,
    timezone,
    declared_at,
    next_due_at,
    overdue_at,
    paused_until,
    retired_at
from {schema}.runlog_scripts
