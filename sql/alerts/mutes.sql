-- Of what nobody is told at this moment.
select
    id,
    scripts,
    rule,
    from_at,
    until_at,
    reason,
    muted_by
from {schema}.runlog_mutes
where from_at <= %(now)s and coalesce(until_at, 'infinity') > %(now)s
order by from_at
