-- When did this script last succeed, and up to which date did it sync?
select
    script_name,
    finished_at,
    sync_end_date,
    id,
    started_at,
    sync_mode
from {schema}.runs
where
    script_name = %(script)s
    and status = 'success'
    and finished_at is not null
order by finished_at desc
limit 1
