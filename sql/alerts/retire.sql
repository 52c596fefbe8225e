-- A script that is gone: nothing is expected of it, and what is open of it is over.
with retired as (
    insert into {schema}.runlog_scripts as known (script_name, retired_at, changed_by)
    values (%(script)s, now(), %(who)s)
    on conflict (script_name) do update set
        retired_at = excluded.retired_at,
        next_due_at = null,
        overdue_at = null,
        changed_by = excluded.changed_by,
        updated_at = now()
    returning script_name
),
ended as (
    update {schema}.runlog_incidents as incident
    set
        resolved_at = now(),
        resolution = 'unscheduled'
    from retired
    where incident.script_name = retired.script_name and incident.resolved_at is null
)
select script_name
from retired
