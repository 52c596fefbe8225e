-- When did each script start, the newest 200 times? Starts by hand say nothing of a schedule.
select
    script.script_name,
    array_agg(recent.started_at order by recent.started_at) as starts
from unnest(%(scripts)s::text[]) as script (script_name)
cross join lateral (
    select run.started_at
    from {schema}.runs as run
    where
        run.script_name between script.script_name and script.script_name
        and run.triggered_by is distinct from 'manual'
        and {is_ordinary}
        and run.started_at is not null
    order by run.script_name, run.started_at desc
    limit 200
) as recent
group by script.script_name
order by script.script_name
