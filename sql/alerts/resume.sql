-- It is expected again, from now on: what was due meanwhile was not missed.
update {schema}.runlog_scripts
set
    paused_until = null,
    retired_at = null,
    declared_at = now(),
    next_due_at = null,
    overdue_at = null,
    changed_by = %(who)s,
    updated_at = now()
where script_name = %(script)s and (paused_until is not null or retired_at is not null)
returning script_name
