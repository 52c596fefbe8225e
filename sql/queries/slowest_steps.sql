-- Where does the time go? Of each script its newest runs that ended in the period, and in them an
-- entry's time is the time until the next entry of the run.
with {script_names},
sampled as (
    select
        run.id,
        run.finished_at,
        run.steps,
        script.name
    from script
    {ended_runs}
    where
        (%(script)s::text is null or script.name = %(script)s)
        and (%(script_like)s::text is null or script.name like %(script_like)s)
),
-- What a run told of its steps at its end, {"FETCH": {"entries": 12, "ms": 340}}, need not be added up
-- from its entries.
step_of_run as (
    select
        sampled.name,
        sampled.id,
        told.step,
        (told.figures ->> 'ms')::numeric::bigint as duration_ms
    from sampled
    cross join lateral jsonb_each(sampled.steps) as told (step, figures)
    where jsonb_typeof(told.figures -> 'ms') = 'number'

    union all

    select
        sampled.name,
        sampled.id,
        entry.step,
        round(
            1000 * sum(
                extract(
                    epoch from greatest(
                        coalesce(entry.next_at, sampled.finished_at), entry.timestamp
                    ) - entry.timestamp
                )
            )
        )::bigint as duration_ms
    from sampled
    {entries_of_sampled}
    where sampled.steps is null
    group by
        sampled.name,
        sampled.id,
        entry.step
)
select
    name as script_name,
    step,
    count(*) as runs,
    percentile_cont(0.5) within group (order by duration_ms) as median_duration_ms,
    percentile_cont(0.95) within group (order by duration_ms) as p95_duration_ms,
    max(duration_ms) as max_duration_ms,
    (
        sum(duration_ms) / nullif(sum(sum(duration_ms)) over (partition by name), 0)
    )::double precision as share
from step_of_run
group by
    name,
    step
order by
    sum(duration_ms) / count(*) desc,
    name,
    step
limit %(limit)s
