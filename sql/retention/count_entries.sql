-- How many entries has each of these runs?
select
    run_id,
    count(*) as entries
from {schema}.logs
where run_id = any(%(ids)s::uuid[])
group by run_id
