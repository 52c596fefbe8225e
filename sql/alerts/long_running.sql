-- Which runs that are alive take longer than max_duration (threshold, seconds), or than this script
-- ever took: 1.5 times the longest, 3 times the median and a minute more than it, of up to 200
-- successes of 60 days in the same sync mode, at least 20. A single run is enough, so it needs much.
select
    rule.script_name,
    '' as subject,
    true as holds,
    alive.id::text as occasion,
    alive.started_at as began_at,
    alive.id as run_id,
    jsonb_strip_nulls(jsonb_build_object(
        'is_running', true,
        'seconds', round(extract(epoch from %(now)s - alive.started_at)),
        'allowed_s', round(coalesce(rule.threshold, usual.allowed)),
        'usual_s', round(usual.median)
    )) as details
from {rule}
cross join lateral (
    select
        run.id,
        run.started_at,
        run.sync_mode
    from {schema}.runs as run
    where
        run.script_name = rule.script_name
        and run.status = 'running'
        and {is_ordinary}
        and {heartbeat} >= %(now)s - 3 * {heartbeat_interval} * interval '1 second'
) as alive
cross join lateral (
    select
        (percentile_cont(0.5) within group (order by past.duration_ms) / 1000)::numeric as median,
        case
            when count(*) >= 20
                then (greatest(
                    1.5 * max(past.duration_ms),
                    3 * percentile_cont(0.5) within group (order by past.duration_ms),
                    percentile_cont(0.5) within group (order by past.duration_ms) + 60000
                ) / 1000)::numeric
        end as allowed
    from (
        select run.duration_ms
        from {schema}.runs as run
        where
            {of_script}
            and run.started_at < alive.started_at
            and run.started_at > %(now)s - interval '60 days'
            and run.status = 'success'
            and run.sync_mode is not distinct from alive.sync_mode
        order by run.script_name, run.started_at desc
        limit 200
    ) as past
) as usual
where
    alive.started_at < %(now)s - coalesce(rule.threshold, usual.allowed) * interval '1 second'
