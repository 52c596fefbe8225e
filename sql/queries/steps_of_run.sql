-- Which steps did this run have, in the order in which they began, and how long did each take? An
-- entry's time is the time until the next entry of the run; the last one's ends with the run.
with entry as (
    select
        step,
        level,
        {entry_moment} as timestamp,
        lead({entry_moment}) over (order by timestamp, id) as next_at
    from {schema}.logs
    where run_id = %(run_id)s
),
run_end as (
    select case status when 'running' then now() else least(finished_at, '9999-12-30') end as at
    from {schema}.runs
    where id = %(run_id)s
)
select
    step,
    count(*) as entries,
    count(*) filter (where level = 'WARNING') as warnings,
    count(*) filter (where level = 'ERROR') as errors,
    min(timestamp) as first_at,
    max(timestamp) as last_at,
    round(
        1000 * sum(extract(epoch from greatest(coalesce(next_at, at), timestamp) - timestamp))
    )::bigint as duration_ms
from entry
left join run_end on true
group by step
order by
    first_at,
    min(next_at),
    step
