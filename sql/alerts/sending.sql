-- From here on nobody knows whether it arrives, until it is noted that it did or did not. Not when
-- somebody else has taken it meanwhile.
update {schema}.runlog_notifications
set sending_at = %(at)s
where id = %(id)s and claimed_by = %(watcher)s and sent_at is null
returning id
