-- Which scripts do not end well? Bad: at least "after" runs that count ended badly since the last
-- that ended well; one is enough when the newest one's process died. Good: the newest that counts
-- ended well. Never counts: a cursor set by hand, a run that a person interrupted at a terminal or
-- closed. A run whose process is gone counts as died before anybody sweeps it. Where the newest 30
-- hold no success more are read, so that all failures are told.
with counted as (
    select
        recent.*,
        case
            when recent.status = 'running' or recent.outcome = 'died' then 'crashed'
            else coalesce(recent.outcome, 'failed')
        end as cause,
        row_number() over (newest_first) as nth,
        count(*) filter (where recent.status = 'success') over (newest_first) as successes
    from {rule}
    cross join lateral (
        select coalesce(bool_or(few.status = 'success'), false) as has_success
        from (
            select run.status
            from {schema}.runs as run
            where {of_script}
            order by run.script_name, run.started_at desc
            limit greatest(30, 2 * rule.after)
        ) as few
    ) as known
    cross join lateral (
        select
            rule.script_name as name,
            rule.after,
            run.id,
            run.started_at,
            run.status,
            run.error_message,
            run.triggered_by,
            run.metadata #>> '{runlog,outcome}' as outcome,
            run.status = 'running' and {heartbeat} < %(now)s - 3 * {heartbeat_interval} * interval '1 second' as is_gone
        from {schema}.runs as run
        where {of_script}
        order by run.script_name, run.started_at desc
        limit case when known.has_success then greatest(30, 2 * rule.after) else 10000 end
    ) as recent
    where case recent.status
        when 'running' then coalesce(recent.is_gone, false)
        when 'error' then
            recent.outcome is distinct from 'closed'
            and not (
                recent.outcome is not distinct from 'interrupted'
                and recent.triggered_by is not distinct from 'manual'
            )
        else true
    end
    window newest_first as (partition by rule.script_name order by recent.started_at desc, recent.id desc)
),
judged as (
    select
        counted.name as script_name,
        min(counted.after) as after,
        (array_agg(counted.status <> 'success' order by counted.nth))[1] as holds,
        (array_agg(counted.id order by counted.nth))[1] as newest_id,
        max(counted.started_at) as newest_at,
        (array_agg(counted.cause order by counted.nth))[1] as cause,
        (array_agg(counted.error_message order by counted.nth))[1] as error_message,
        count(*) filter (where counted.successes = 0) as failures,
        min(counted.started_at) filter (where counted.successes = 0) as first_at,
        (array_agg(counted.id order by counted.nth desc)
            filter (where counted.successes = 0))[1] as first_id,
        (array_agg(counted.error_message order by counted.nth desc)
            filter (where counted.successes = 0))[1] as first_error
    from counted
    group by counted.name
)
select
    script_name,
    '' as subject,
    holds,
    coalesce(first_id, newest_id)::text as occasion,
    coalesce(first_at, newest_at) as began_at,
    newest_id as run_id,
    -- With its nulls: a crash says nothing, and what the run before said is not its error.
    jsonb_build_object(
        'failures', failures,
        'cause', cause,
        'error', left(error_message, 2000),
        'first_error', left(first_error, 2000)
    ) as details
from judged
where not holds or failures >= case cause when 'crashed' then 1 else after end
