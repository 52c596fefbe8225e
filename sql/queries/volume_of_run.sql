-- How many entries of each level did this run log, in each of so many equal parts of its time?
with entry as (
    select
        {entry_moment} as timestamp,
        level
    from {schema}.logs
    where run_id = %(run_id)s
),
bounds as (
    select
        min(timestamp) as first_at,
        max(timestamp) as last_at
    from entry
)
select
    least(
        floor(
            %(parts)s * extract(epoch from entry.timestamp - bounds.first_at)
            / nullif(extract(epoch from bounds.last_at - bounds.first_at), 0)
        ),
        %(parts)s - 1
    )::integer as part,
    entry.level,
    count(*) as entries,
    min(entry.timestamp) as first_at
from entry
cross join bounds
group by
    1,
    2
order by
    1,
    2
