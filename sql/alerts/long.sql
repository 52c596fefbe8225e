-- Which scripts take too long? Bad: the newest "after" successes each took longer than max_duration
-- (threshold, seconds), or than twice the 95th percentile, twice the median and half a minute more
-- than it, of up to 50 successes of 60 days before it in the same sync mode, at least 10. Good: the
-- newest did not. Otherwise, and with too little history, unknown.
with ended as (
    select
        rule.script_name,
        rule.after,
        recent.*,
        coalesce(rule.threshold, usual.allowed) as allowed,
        usual.median,
        row_number() over (partition by rule.script_name order by recent.started_at desc) as nth
    from {rule}
    cross join lateral (
        select
            run.id,
            run.started_at,
            run.duration_ms / 1000.0 as seconds,
            run.sync_mode
        from {schema}.runs as run
        where
            {of_script}
            and run.status = 'success'
            and run.duration_ms is not null
        order by run.script_name, run.started_at desc
        limit rule.after
    ) as recent
    cross join lateral (
        select
            (percentile_cont(0.5) within group (order by past.duration_ms) / 1000)::numeric as median,
            case
                when count(*) >= 10
                    then (greatest(
                        2 * percentile_cont(0.95) within group (order by past.duration_ms),
                        2 * percentile_cont(0.5) within group (order by past.duration_ms),
                        percentile_cont(0.5) within group (order by past.duration_ms) + 30000
                    ) / 1000)::numeric
            end as allowed
        from (
            select run.duration_ms
            from {schema}.runs as run
            where
                {of_script}
                and run.started_at < recent.started_at
                and run.started_at > %(now)s - interval '60 days'
                and run.status = 'success'
                and run.sync_mode is not distinct from recent.sync_mode
            order by run.script_name, run.started_at desc
            limit 50
        ) as past
    ) as usual
)
select
    script_name,
    '' as subject,
    bool_and(seconds > allowed) as holds,
    (array_agg(id order by started_at))[1]::text as occasion,
    min(started_at) as began_at,
    (array_agg(id order by nth))[1] as run_id,
    jsonb_strip_nulls(jsonb_build_object(
        'is_running', false,
        'seconds', round((array_agg(seconds order by nth))[1]),
        'allowed_s', round((array_agg(allowed order by nth))[1]),
        'usual_s', round((array_agg(median order by nth))[1])
    )) as details
from ended
group by script_name
having
    count(allowed) = max(after) and bool_and(seconds > allowed)
    or coalesce((array_agg(seconds <= allowed order by nth))[1], false)
