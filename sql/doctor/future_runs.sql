-- Which scripts have runs that began in the future? The clock of their machine was wrong.
select script_name, max(started_at)
from {schema}.runs
where started_at > now() + interval '1 hour'
group by script_name
order by script_name
limit 5
