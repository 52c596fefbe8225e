-- Which run of this script began next after this one?
select
    {run_columns}
from {schema}.runs
where
    script_name between %(script)s and %(script)s
    and started_at >= %(after_at)s::timestamptz
    and {is_ordinary}
    and (started_at, id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
order by
    script_name,
    started_at,
    id
limit 1
