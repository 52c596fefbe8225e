-- This watcher could not reach the database meanwhile; runs that were due may be told late.
insert into {schema}.runlog_watchers (name, blind_from, blind_until)
values (%(watcher)s, %(blind_from)s, %(now)s)
on conflict (name) do update set
    blind_from = excluded.blind_from,
    blind_until = excluded.blind_until
