-- Which hosts lose entries, or keep some that PostgreSQL refuses? The newest run of each host that
-- ended within the last day tells; a host that is not heard of is unknown.
with newest as (
    select distinct on (run.metadata #>> '{runlog,host}')
        run.metadata #>> '{runlog,host}' as host,
        run.id,
        run.finished_at,
        case jsonb_typeof(run.metadata #> '{runlog,backlog}')
            when 'object' then run.metadata #> '{runlog,backlog}'
            else '{}'
        end as backlog
    from {schema}.runs as run
    where
        run.started_at > %(now)s - interval '1 day'
        and run.started_at <= %(now)s
        and run.status <> 'running'
        and run.metadata #>> '{runlog,host}' is not null
    order by
        run.metadata #>> '{runlog,host}',
        run.finished_at desc
)
select
    '*' as script_name,
    host as subject,
    backlog <> '{}' as holds,
    id::text as occasion,
    finished_at as began_at,
    id as run_id,
    backlog as details
from newest
