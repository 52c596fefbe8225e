-- Which runs have an id that begins like this? The bounds are the prefix filled up with 0 and f, so
-- that the primary key answers.
select
    {run_columns}
from {schema}.runs
where id between %(lowest)s::uuid and %(highest)s::uuid
order by id desc
limit %(limit)s
