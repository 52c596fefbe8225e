-- Plans that a notification tells these incidents. What comes back is ours to tell: of two who plan
-- the same, one waits for the other and gets nothing.
insert into {schema}.runlog_tellings (incident_id, channel, kind, number, notification_id)
select
    told.id,
    %(channel)s,
    %(kind)s,
    told.number,
    %(notification)s
from unnest(%(ids)s::uuid[], %(numbers)s::integer[]) as told (id, number)
on conflict do nothing
returning incident_id
