-- Which scripts have runs that begin in the future, by the clock of their machine? No rule judges them
-- before that.
select distinct on (run.script_name)
    run.script_name,
    run.started_at,
    run.metadata #>> '{runlog,host}' as host
from {schema}.runs as run
where
    run.started_at > %(now)s + interval '5 minutes'
    and {has_start}
    and {is_ordinary}
order by
    run.script_name,
    run.started_at desc
