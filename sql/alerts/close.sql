-- A person says that it is over.
update {schema}.runlog_incidents
set
    resolved_at = now(),
    resolution = 'closed',
    acknowledged_by = coalesce(acknowledged_by, %(who)s)
where id = %(id)s and resolved_at is null
returning id
