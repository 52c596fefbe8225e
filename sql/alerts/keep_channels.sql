-- Notes the channels that this watcher has; what is open already is not news to a new one.
insert into {schema}.runlog_channels (name, first_seen_at)
select
    name,
    %(now)s
from unnest(%(channels)s::text[]) as channel (name)
on conflict do nothing
