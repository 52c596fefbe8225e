-- Which runs began in the future, by the clock of their machine? The last of them, and how many: of
-- all scripts, or of one.
select
    id,
    script_name,
    started_at,
    metadata #>> '{runlog,host}' as host,
    count(*) over () as runs
from {schema}.runs
where
    started_at > now() + interval '5 minutes'
    and started_at < '9999-12-30'
    and (%(script)s::text is null or script_name = %(script)s)
order by
    started_at desc,
    id desc
limit 1
