-- When do runs begin: how many in each hour of each day of the week (1 is Monday)?
select
    extract(isodow from started_at at time zone %(timezone)s)::integer as day,
    extract(hour from started_at at time zone %(timezone)s)::integer as hour,
    count(*) as runs,
    count(*) filter (where status = 'error') as failed
from {schema}.runs
where
    started_at >= coalesce(%(since)s::timestamptz, now() - %(period)s::interval)
    and {has_start}
    and {is_ordinary}
    and (%(script)s::text is null or script_name = %(script)s)
    and (%(script_like)s::text is null or script_name like %(script_like)s)
group by
    1,
    2
order by
    1,
    2
