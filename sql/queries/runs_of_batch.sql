-- Which runs belong together, in the order in which they began?
select
    {run_columns}
from {schema}.runs
where batch_id = %(batch_id)s
order by
    started_at,
    id
