-- Nothing is expected of a script until then (for ever without a moment); failures still count.
insert into {schema}.runlog_scripts as known (script_name, paused_until, changed_by)
values (
    %(script)s,
    coalesce(%(until)s::timestamptz, now() + %(period)s::interval, 'infinity'),
    %(who)s
)
on conflict (script_name) do update set
    paused_until = excluded.paused_until,
    changed_by = excluded.changed_by,
    updated_at = now()
returning script_name
