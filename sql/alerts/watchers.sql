-- Who watches, and since when; the one that looked last comes first.
select
    name,
    every,
    version,
    config_hash,
    first_at,
    evaluated_at,
    delivered_at,
    blind_from,
    blind_until,
    error,
    now() as read_at
from {schema}.runlog_watchers
order by
    evaluated_at desc nulls last,
    name
