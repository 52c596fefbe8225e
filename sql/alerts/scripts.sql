-- Each script that ever ran: its newest run, what it expects of itself, and whether one is alive.
-- What is expected stands in the newest run that says so; a run by hand that says nothing (somebody
-- tries something) does not take it back.
with recursive script (name) as (
    -- One look into the index a script, instead of reading every run to find the names.
    (
        select script_name
        from {schema}.runs
        order by script_name
        limit 1
    )
    union all
    select (
        select script_name
        from {schema}.runs
        where script_name > script.name
        order by script_name
        limit 1
    )
    from script
    where script.name is not null
),
rule (script_name) as (
    select name from script where name is not null
)
select
    rule.script_name,
    newest.id as run_id,
    newest.started_at,
    -- A clock that is ahead ends nothing later than now.
    case when newest.finished_at > %(now)s then %(now)s else newest.finished_at end as finished_at,
    newest.source,
    newest.is_github,
    -- Nor is anything heard later than now.
    case
        when greatest(newest.started_at, newest.finished_at, newest.beat_at) > %(now)s then %(now)s
        else greatest(newest.started_at, newest.finished_at, newest.beat_at)
    end as life_at,
    declaration.expects,
    declaration.started_at as declared_at,
    exists (
        select
        from {schema}.runs as run
        where
            run.script_name = rule.script_name
            and run.status = 'running'
            and {heartbeat} >= %(now)s - 3 * {heartbeat_interval} * interval '1 second'
    ) as is_alive
from rule
cross join lateral (
    select
        run.id,
        run.started_at,
        run.finished_at,
        {source} as source,
        run.metadata #> '{runlog,github}' is not null as is_github,
        {heartbeat} as beat_at
    from {schema}.runs as run
    where {of_script}
    order by run.script_name, run.started_at desc
    limit 1
) as newest
left join lateral (
    select
        recent.started_at,
        recent.expects
    from (
        select
            run.started_at,
            run.triggered_by,
            run.metadata #> '{runlog,expects}' as expects
        from {schema}.runs as run
        where {of_script}
        order by run.script_name, run.started_at desc
        limit 20
    ) as recent
    where recent.expects is not null or recent.triggered_by is distinct from 'manual'
    order by recent.started_at desc
    limit 1
) as declaration on true
