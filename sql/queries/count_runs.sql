-- How many runs stand how, of those that the other filters leave? For counts beside a list of runs.
select
    status,
    metadata #>> '{runlog,outcome}' as outcome,
    coalesce(records_failed > 0, false) as has_failures,
    coalesce(status = 'running' and {is_silent}, false) as is_silent,
    count(*) as runs
from {schema}.runs
where
    (%(script)s::text is null or script_name = %(script)s)
    and (%(script_like)s::text is null or script_name like %(script_like)s)
    and {run_filters}
group by
    1,
    2,
    3,
    4
