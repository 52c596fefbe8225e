-- Notes when scripts are due. What is paused or retired by hand stays so.
insert into {schema}.runlog_scripts as known (
    script_name, schedule, timezone, declared_at, next_due_at, overdue_at, updated_at
)
select
    script.script_name,
    script.schedule,
    script.timezone,
    script.declared_at,
    script.next_due_at,
    script.overdue_at,
    %(now)s
from jsonb_to_recordset(%(scripts)s::jsonb) as script (
    script_name text, schedule text, timezone text, declared_at timestamptz,
    next_due_at timestamptz, overdue_at timestamptz
)
on conflict (script_name) do update set
    schedule = excluded.schedule,
    timezone = excluded.timezone,
    declared_at = excluded.declared_at,
    next_due_at = excluded.next_due_at,
    overdue_at = excluded.overdue_at,
    updated_at = excluded.updated_at
