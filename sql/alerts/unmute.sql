-- They are told of again.
update {schema}.runlog_mutes
set until_at = greatest(now(), from_at + interval '1 microsecond')
where scripts = %(scripts)s and rule = %(rule)s and coalesce(until_at, 'infinity') > now()
returning id
