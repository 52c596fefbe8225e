-- Failures of the last 7 days that began and ended between two looks: kept as incidents that are
-- over, and told to nobody. Nothing of what was before the first look of all.
with recent as (
    select
        rule.script_name as name,
        rule.after,
        run.*,
        count(*) filter (where run.status = 'success')
            over (partition by rule.script_name order by run.started_at desc, run.id desc) as above
    from {rule}
    cross join lateral (
        select
            run.id,
            run.started_at,
            run.status,
            run.error_message
        from {schema}.runs as run
        where
            {of_script}
            and run.status <> 'running'
            and run.started_at > %(since)s
            and run.metadata #>> '{runlog,outcome}' is distinct from 'closed'
            and not (
                run.metadata #>> '{runlog,outcome}' is not distinct from 'interrupted'
                and run.triggered_by is not distinct from 'manual'
            )
        order by run.script_name, run.started_at desc
    ) as run
),
streak as (
    select
        name as script_name,
        min(started_at) as began_at,
        count(*) as failures,
        (array_agg(id order by started_at))[1] as first_id,
        (array_agg(id order by started_at desc))[1] as last_id,
        (array_agg(error_message order by started_at))[1] as error
    from recent
    where status = 'error' and above > 0
    group by name, above
    having count(*) >= min(after)
)
insert into {schema}.runlog_incidents (
    script_name, rule, occasion, severity, began_at, opened_at, seen_at, resolved_at, resolution,
    run_id, details
)
select
    streak.script_name,
    'failed',
    streak.first_id::text,
    'error',
    streak.began_at,
    %(now)s,
    %(now)s,
    %(now)s,
    'healed',
    streak.last_id,
    jsonb_strip_nulls(jsonb_build_object('failures', streak.failures, 'error', left(streak.error, 2000)))
from streak
where not exists (
    -- Told of already, under another first run or as flapping.
    select from {schema}.runlog_incidents as known
    where
        known.script_name = streak.script_name
        and known.rule = 'failed'
        and streak.began_at between known.began_at and coalesce(known.resolved_at, 'infinity')
)
on conflict do nothing
