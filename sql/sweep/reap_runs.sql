-- Closes those of the runs "among" whose process has missed three heartbeats, on whichever host it was:
-- each ended when it was last heard of. By the database's clock. A run without a heartbeat is another
-- program's and stays. A row that is locked is being written by someone, so it is alive: skipped. Needs
-- no more than a writer's rights. Should the process live after all, its next heartbeat takes this back.
with silent as (
    select
        id,
        {heartbeat} as at
    from {schema}.runs
    where
        status = 'running'
        and id = any(%(among)s::uuid[])
        and {is_silent}
    for update skip locked
)

update {schema}.runs as run
set
    status = 'error',
    error_message = concat(
        'the process died without ending the run; last alive ',
        to_char(silent.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        ' UTC'
    ),
    finished_at = greatest(run.started_at, silent.at),
    duration_ms = least(
        greatest(0, extract(epoch from silent.at - run.started_at) * 1000),
        2147483647
    )::integer,
    metadata
    = run.metadata
    || jsonb_build_object(
        'runlog',
        run.metadata -> 'runlog' || jsonb_build_object('outcome', 'died', 'swept_at', now())
    )
from silent
where run.id = silent.id and run.status = 'running'
returning
    run.id,
    run.script_name,
    run.started_at,
    silent.at as last_alive
