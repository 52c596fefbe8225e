-- A watcher that will not come back.
delete from {schema}.runlog_watchers
where name = %(watcher)s
returning name
