-- Which scripts fetch nothing any more? Bad: more successes in a row without records than 1.25 times
-- the longest such row of the 28 days before, which nights and weekends have taught; at least 20
-- runs and 8 days before, a tenth of them with records. Good: the newest success has records.
with newest as (
    select
        rule.script_name,
        run.*
    from {rule}
    cross join lateral (
        select
            run.id,
            run.started_at,
            run.records_fetched
        from {schema}.runs as run
        where
            {of_script}
            and run.status = 'success'
            and run.records_fetched is not null
        order by run.script_name, run.started_at desc
        limit 1
    ) as run
),
history as (
    -- Only a newest success without records makes the history worth reading.
    select
        rule.script_name,
        run.*,
        count(*) filter (where run.amount > 0)
            over (partition by rule.script_name order by run.started_at desc) as above
    from newest as rule
    cross join lateral (
        select
            run.id,
            run.started_at,
            run.records_fetched as amount
        from {schema}.runs as run
        where
            {of_script}
            and run.status = 'success'
            and run.started_at > %(now)s - interval '28 days'
            and run.records_fetched is not null
        order by run.script_name, run.started_at desc
        limit 3000
    ) as run
    where rule.records_fetched = 0
),
streak as (
    select
        script_name,
        above,
        count(*) filter (where amount = 0) as zeros,
        count(*) as runs,
        count(*) filter (where amount > 0) as with_records,
        min(started_at) as oldest_at,
        min(started_at) filter (where amount = 0) as began_at,
        (array_agg(id order by started_at) filter (where amount = 0))[1] as first_id,
        max(started_at) filter (where amount > 0) as last_with_at
    from history
    group by script_name, above
),
judged as (
    select
        script_name,
        sum(zeros) filter (where above = 0) as zeros,
        coalesce(max(zeros) filter (where above > 0), 0) as longest,
        min(began_at) filter (where above = 0) as began_at,
        (array_agg(first_id) filter (where above = 0))[1] as first_id,
        max(last_with_at) as last_with_at,
        sum(runs) filter (where above > 0) as runs_before,
        sum(with_records) as with_records,
        min(oldest_at) as oldest_at
    from streak
    group by script_name
)
select
    judged.script_name,
    '' as subject,
    true as holds,
    judged.first_id::text as occasion,
    judged.began_at,
    newest.id as run_id,
    jsonb_build_object(
        'zeros', judged.zeros,
        'longest_before', judged.longest,
        'last_with_records_at', judged.last_with_at
    ) as details
from judged
join newest on newest.script_name = judged.script_name
where
    judged.zeros > floor(1.25 * judged.longest)
    and judged.runs_before >= 20
    and judged.oldest_at < %(now)s - interval '8 days'
    and judged.with_records >= 0.1 * judged.runs_before

union all

select
    script_name,
    '',
    false,
    id::text,
    started_at,
    id,
    '{}'
from newest
where records_fetched > 0
