-- This watcher has sent all there was, or could not.
update {schema}.runlog_watchers
set
    delivered_at = case when %(error)s::text is null then %(at)s else delivered_at end,
    error = left(%(error)s, 500)
where name = %(watcher)s
