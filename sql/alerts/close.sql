-- A person says that it is over. A start that was missed is not waited for any more; the next one is.
with closed as (
    update {schema}.runlog_incidents
    set
        resolved_at = now(),
        resolution = 'closed',
        acknowledged_by = coalesce(acknowledged_by, %(who)s)
    where id = %(id)s and resolved_at is null
    returning id, script_name, rule
),
expected as (
    update {schema}.runlog_scripts as script
    set
        declared_at = now(),
        next_due_at = null,
        overdue_at = null,
        changed_by = %(who)s,
        updated_at = now()
    from closed
    where closed.rule = 'missed' and script.script_name = closed.script_name
)
select id from closed
