-- Somebody is at it: no reminders.
update {schema}.runlog_incidents
set
    acknowledged_at = now(),
    acknowledged_by = %(who)s
where id = %(id)s and resolved_at is null
returning id
