-- How did each script's newest runs go? So many of each, newest first, for a row of bars a script.
with {script_names}
select
    script.name as script_name,
    run.id,
    run.status,
    run.started_at,
    run.finished_at,
    run.duration_ms,
    run.records_fetched,
    run.records_failed,
    run.outcome,
    run.heartbeat_at,
    run.heartbeat_interval,
    now() as read_at
from script
{newest_of_scripts}
where
    (%(script)s::text is null or script.name = %(script)s)
    and (%(script_like)s::text is null or script.name like %(script_like)s)
order by
    script.name,
    run.started_at desc
