-- Plans a message.
insert into {schema}.runlog_notifications (id, channel, kind, created_at, due_at)
values (%(id)s, %(channel)s, %(kind)s, %(now)s, %(due_at)s)
